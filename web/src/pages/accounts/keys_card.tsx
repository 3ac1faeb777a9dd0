import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { api, data, type Key, type Schemas } from '@/api/client';
import { useLimits } from '@/api/queries';
import { Confirm } from '@/parts/confirm';
import { Empty } from '@/parts/empty';
import { NameInput } from '@/parts/fields';
import { Form, textsOf, wordsOf } from '@/parts/form';
import { errorOf, ProblemNote } from '@/parts/problem';
import { When } from '@/parts/when';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Dialog } from '@/ui/dialog';
import { Input } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';
import { ExplainCall } from './explain_call';
import { NewLimit } from './limit_dialogs';
import { LimitList } from './limits_card';
import { RotateKey } from './rotate_key';
import { Secret } from './secret';

const fields = ['name', 'limits', 'limits[0]', 'expires', 'tags', 'allowed_models'];

function Fields({ error }: { error: unknown }) {
  return (
    <>
      <NameInput failure={error} />
      <Input
        label="A limit of its own"
        name="limit"
        placeholder="10 usd/day"
        hint="Optional: amount, unit and window."
        error={errorOf(error, 'limits', 'limits[0]')}
      />
      <Input
        label="Expires"
        name="expires"
        type="datetime-local"
        hint="Optional, in your time zone."
        error={errorOf(error, 'expires')}
      />
      <Input
        label="Tags"
        name="tags"
        placeholder="env=prod,team=search"
        hint="Optional: every call with it has them."
        error={errorOf(error, 'tags')}
      />
      <Input
        label="Only these models"
        name="models"
        placeholder="gpt-4o*, o1"
        hint="Optional: it may call no other."
        error={errorOf(error, 'allowed_models')}
      />
    </>
  );
}

function NewKey({
  account,
  open,
  onOpenChange,
}: {
  account: string;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const queries = useQueryClient();
  const creating = useMutation({
    mutationFn: (form: FormData) => {
      const text = textsOf(form);
      const body: Schemas['NewKey'] = { account, name: text('name') };
      if (text('expires')) body.expires = new Date(text('expires')).toISOString();
      if (text('tags')) body.tags = text('tags');
      if (text('limit')) body.limits = [text('limit')];
      const models = wordsOf(form, 'models');
      if (models.length > 0) body.allowed_models = models;
      return data(api.POST('/api/v1/keys', { body }));
    },
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['keys'] });
      void queries.invalidateQueries({ queryKey: ['limits'] });
    },
  });
  const close = (now: boolean) => {
    creating.reset();
    onOpenChange(now);
  };
  const made = creating.data;
  return (
    <Dialog
      open={open}
      onOpenChange={close}
      keep={made !== undefined}
      title={made ? `The key ${made.name}` : 'New key'}
      description={made ? 'It works from now on.' : 'What a client presents. Its secret is shown once.'}
    >
      {made ? (
        <>
          <Secret secret={made.secret} />
          <div className="mt-4 flex justify-end">
            <Button look="primary" onClick={() => close(false)}>
              I have copied it
            </Button>
          </div>
        </>
      ) : (
        <Form sending={creating} verb="Create" fields={fields}>
          <Fields error={creating.error} />
        </Form>
      )}
    </Dialog>
  );
}

function AllowedTo({ item }: { item: Key }) {
  const replaced = item.replaced && new Date(item.replaced.until) > new Date() ? item.replaced : null;
  const lists: [string, string[]][] = [
    ['models', item.allowed_models],
    ['routes', item.allowed_routes],
    ['addresses', item.allowed_addresses],
  ];
  return (
    <>
      {replaced && (
        <p className="mt-1 text-xs text-muted">
          its old secret <code>{replaced.hint}</code> works until <When at={replaced.until} />
        </p>
      )}
      {lists
        .filter(([, allowed]) => allowed.length > 0)
        .map(([name, allowed]) => (
          <p key={name} className="mt-1 text-xs text-muted">
            only {name} <code>{allowed.join(', ')}</code>
          </p>
        ))}
    </>
  );
}

function Changes({ name, begin }: { name: string; begin: (what: 'limit' | 'rotate' | 'revoke') => void }) {
  return (
    <>
      <Button size="small" onClick={() => begin('limit')} aria-label={`New limit on ${name}`}>
        <Plus />
        Limit
      </Button>
      <Button size="small" onClick={() => begin('rotate')} aria-label={`Rotate ${name}`}>
        Rotate
      </Button>
      <Button size="small" look="danger" onClick={() => begin('revoke')} aria-label={`Revoke ${name}`}>
        Revoke
      </Button>
    </>
  );
}

function Item({ item, mayChange }: { item: Key; mayChange: boolean }) {
  const queries = useQueryClient();
  const limits = useLimits({ key: item.id });
  const [doing, setDoing] = useState<'explain' | 'revoke' | 'rotate' | 'limit' | null>(null);
  const active = item.status === 'active';
  const expired = item.expires !== null && new Date(item.expires) <= new Date();
  const revoke = async () => {
    await data(api.POST('/api/v1/keys/{id}/revoke', { params: { path: { id: item.id } } }));
    await queries.invalidateQueries({ queryKey: ['keys'] });
  };
  return (
    <li className="py-4 first:pt-0 last:pb-0">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h3 className="font-medium">{item.name}</h3>
        {!active && <Badge look="bad">revoked</Badge>}
        {active && expired && <Badge look="bad">expired</Badge>}
        {active && !expired && <Badge look="good">active</Badge>}
        {item.tags && <Badge>{item.tags}</Badge>}
        {active && (
          <div className="ml-auto flex flex-wrap justify-end gap-2">
            <Button size="small" onClick={() => setDoing('explain')} aria-label={`Explain a call with ${item.name}`}>
              Explain
            </Button>
            {mayChange && <Changes name={item.name} begin={setDoing} />}
          </div>
        )}
      </div>
      <p className="mt-1 text-xs text-muted">
        <code>{item.hint}</code> · created <When at={item.created} />
        {item.expires && (
          <>
            {' '}
            · {expired ? 'expired' : 'expires'} <When at={item.expires} />
          </>
        )}
      </p>
      <AllowedTo item={item} />
      {limits.data && limits.data.length > 0 && (
        <div className="mt-3">
          <LimitList limits={limits.data} mayChange={mayChange} />
        </div>
      )}
      {doing === 'explain' && <ExplainCall of={item} onClose={() => setDoing(null)} />}
      {doing === 'limit' && <NewLimit of={{ key: item.id }} onClose={() => setDoing(null)} />}
      <RotateKey of={item} open={doing === 'rotate'} onOpenChange={() => setDoing(null)} />
      <Confirm
        open={doing === 'revoke'}
        onOpenChange={() => setDoing(null)}
        title={`Revoke ${item.name}?`}
        description="Calls with it are refused from the next one on, for ever. What it spent stays in the books."
        verb="Revoke the key"
        act={revoke}
      />
    </li>
  );
}

export function KeysCard({ account, mayChange }: { account: string; mayChange: boolean }) {
  const [creating, setCreating] = useState(false);
  const keys = useQuery({
    queryKey: ['keys', 'of', account],
    queryFn: () => data(api.GET('/api/v1/keys', { params: { query: { account, limit: 50 } } })),
  });
  const create = mayChange && (
    <Button size="small" onClick={() => setCreating(true)}>
      <Plus />
      New key
    </Button>
  );
  const list = keys.data?.data;
  return (
    <Card title="Keys" note="What its clients present." actions={create}>
      {keys.error && <ProblemNote error={keys.error} retry={() => void keys.refetch()} />}
      {keys.isPending && <Skeleton />}
      {list?.length === 0 && <Empty title="It has no key yet">Without one nobody can spend for it.</Empty>}
      {list && list.length > 0 && (
        <ul className="divide-y divide-line">
          {list.map((item) => (
            <Item key={item.id} item={item} mayChange={mayChange} />
          ))}
        </ul>
      )}
      {keys.data?.next && <p className="mt-3 text-sm text-muted">These are the newest 50; the API lists the others.</p>}
      <NewKey account={account} open={creating} onOpenChange={setCreating} />
    </Card>
  );
}
