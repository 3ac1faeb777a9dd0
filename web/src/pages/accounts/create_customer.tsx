import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { type Account, api, data, type Schemas } from '@/api/client';
import { useAccounts } from '@/api/names';
import { NameInput } from '@/parts/fields';
import { Form, textsOf } from '@/parts/form';
import { errorOf } from '@/parts/problem';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Checkbox, Input } from '@/ui/field';
import { LimitFields, readLimit } from '@/parts/limit_fields';
import { Secret } from './secret';

interface Made {
  account?: Account;
  limited?: boolean;
  key?: Schemas['CreatedKey'];
}

/** An account with its limit and its key, one after the other. What was made stays when the next one is refused. */
async function create(form: FormData, made: Made, tell: (made: Made) => void): Promise<Made> {
  const text = textsOf(form);
  const now = { ...made };
  if (!now.account) {
    const body: Schemas['NewAccount'] = { name: text('name') };
    if (text('external_id')) body.external_id = text('external_id');
    if (text('parent')) body.parent = text('parent');
    now.account = await data(api.POST('/api/v1/accounts', { body }));
    tell({ ...now });
  }
  if (form.has('with_limit') && !now.limited) {
    await data(
      api.POST('/api/v1/limits', { body: { account: now.account.id, ...readLimit(form) } as Schemas['NewLimit'] }),
    );
    now.limited = true;
    tell({ ...now });
  }
  if (form.has('with_key') && !now.key)
    now.key = await data(api.POST('/api/v1/keys', { body: { account: now.account.id, name: text('key_name') } }));
  return now;
}

function CustomerForm({ onMade, onAccount }: { onMade: (made: Made) => void; onAccount: (made: Made) => void }) {
  const accounts = useAccounts();
  const queries = useQueryClient();
  const [made, setMade] = useState<Made>({});
  const [withLimit, setWithLimit] = useState(true);
  const [withKey, setWithKey] = useState(true);
  const creating = useMutation({
    mutationFn: (form: FormData) =>
      create(form, made, (now) => {
        setMade(now);
        onAccount(now);
      }),
    onSuccess: onMade,
    onSettled: () => queries.invalidateQueries(),
  });
  const done = made.account !== undefined;
  return (
    <Form sending={creating} verb={done ? 'Go on' : 'Create'}>
      <fieldset disabled={done} className="grid gap-3 sm:grid-cols-2">
        <NameInput className="sm:col-span-2" failure={done ? null : creating.error} />
        <Input
          label="Your own id"
          name="external_id"
          hint="Optional, such as cus_1."
          error={errorOf(creating.error, 'external_id')}
        />
        <Input
          label="Below"
          name="parent"
          list="accounts"
          hint="Optional: the account above it."
          error={errorOf(creating.error, 'parent')}
        />
        <datalist id="accounts">
          {accounts.data?.slice(0, 200).map((account) => (
            <option key={account.id} value={account.name} />
          ))}
        </datalist>
      </fieldset>
      <div className="space-y-3 border-t border-line pt-4">
        <Checkbox
          label="With a limit, which no call exceeds"
          name="with_limit"
          checked={withLimit}
          onChange={(event) => setWithLimit(event.target.checked)}
        />
        {withLimit && <LimitFields error={creating.error} />}
      </div>
      <div className="space-y-3 border-t border-line pt-4">
        <Checkbox
          label="With a key, to call with"
          name="with_key"
          checked={withKey}
          onChange={(event) => setWithKey(event.target.checked)}
        />
        {withKey && <Input label="Name of the key" name="key_name" defaultValue="default" required maxLength={200} />}
      </div>
      {done && creating.error && (
        <p className="text-sm">The account was created, and what was refused below was not. Mend it, and go on.</p>
      )}
    </Form>
  );
}

export function CreateCustomer({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const navigate = useNavigate();
  const [made, setMade] = useState<Made>({});
  const [finished, setFinished] = useState(false);
  const close = (now: boolean) => {
    if (!now && made.account) void navigate(`/accounts/${made.account.id}`);
    setMade({});
    setFinished(false);
    onOpenChange(now);
  };
  const finish = (all: Made) => {
    setMade(all);
    if (all.key) setFinished(true);
    else if (all.account) {
      void navigate(`/accounts/${all.account.id}`);
      onOpenChange(false);
    }
  };
  return (
    <Dialog
      open={open}
      onOpenChange={close}
      keep={finished}
      title={finished ? `${made.account?.name ?? 'The account'} is ready` : 'New account'}
      description={
        finished ? 'Calls with this key count on it from now on.' : 'Who spends: a customer, a team or a user.'
      }
    >
      {finished && made.key ? (
        <>
          <Secret secret={made.key.secret} />
          <div className="mt-4 flex justify-end">
            <Button look="primary" onClick={() => close(false)}>
              I have copied it
            </Button>
          </div>
        </>
      ) : (
        <CustomerForm onMade={finish} onAccount={setMade} />
      )}
    </Dialog>
  );
}
