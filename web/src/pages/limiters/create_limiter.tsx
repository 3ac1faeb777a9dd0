import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useId, useState } from 'react';
import { api, data, type Schemas } from '@/api/client';
import { useAccounts } from '@/api/names';
import { CopyButton } from '@/parts/copy_button';
import { AmountInput, NameInput } from '@/parts/fields';
import { amountOf, Form, textsOf, wordsOf } from '@/parts/form';
import { readWindow, windowFields, WindowFields } from '@/parts/limit_fields';
import { errorOf } from '@/parts/problem';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Input, Select } from '@/ui/field';
import {
  BaseUrlInput,
  callFields,
  DeploymentsInput,
  ModelsInput,
  ProviderInput,
  readDeployments,
} from './limiter_fields';
import type { Limiter } from './queries';

const moreFields = ['provider', 'deployments', 'parent', 'status', 'code'];
const fields = ['name', 'budget', ...windowFields, ...callFields, ...moreFields];

function read(form: FormData): Schemas['NewLimiter'] {
  const text = textsOf(form);
  const models = wordsOf(form, 'models');
  const deployments = readDeployments(form);
  const typed = ['base_url', 'provider', 'parent', 'code'].filter((name) => text(name));
  return {
    name: text('name'),
    budget: amountOf(form, 'budget'),
    ...readWindow(form),
    ...Object.fromEntries(typed.map((name) => [name, text(name)])),
    ...(text('status') === '429' ? { status: 429 } : {}),
    ...(models.length > 0 ? { models } : {}),
    ...(Object.keys(deployments).length > 0 ? { deployments } : {}),
  } as Schemas['NewLimiter'];
}

/** What few limiters need. It opens by itself where something of it was refused. */
function More({ error, children }: { error: unknown; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const refused = errorOf(error, ...moreFields) !== undefined;
  return (
    <details open={open || refused} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="cursor-pointer text-sm text-muted">More</summary>
      <div className="mt-3 grid gap-3 sm:grid-cols-2">{children}</div>
    </details>
  );
}

function Rest({ error }: { error: unknown }) {
  const names = useAccounts().data;
  const list = useId();
  return (
    <More error={error}>
      <Input
        label="Below the account"
        name="parent"
        list={list}
        autoComplete="off"
        hint="Optional: its limits hold, too."
        error={errorOf(error, 'parent')}
      />
      <datalist id={list}>
        {names?.slice(0, 200).map((account) => (
          <option key={account.id} value={account.name} />
        ))}
      </datalist>
      <Select label="Refuses with" name="status" error={errorOf(error, 'status')}>
        <option value="402">402: clients do not repeat it</option>
        <option value="429">429: clients repeat it</option>
      </Select>
      <ProviderInput error={error} />
      <Input
        label="Code of your own"
        name="code"
        autoCapitalize="none"
        autoComplete="off"
        hint="Optional; else one that nobody guesses."
        error={errorOf(error, 'code')}
      />
      <DeploymentsInput error={error} />
    </More>
  );
}

function Fields({ error }: { error: unknown }) {
  return (
    <>
      <div className="grid grid-cols-2 gap-3">
        <NameInput placeholder="Customer A - $20/day" className="col-span-2" failure={error} />
        <AmountInput
          label="Budget in US dollars"
          name="budget"
          defaultValue="20"
          className="col-span-2 sm:col-span-1"
          failure={error}
        />
        <WindowFields label="Period" error={error} />
        <div className="col-span-2 grid gap-3 sm:grid-cols-2">
          <BaseUrlInput error={error} />
          <ModelsInput error={error} />
        </div>
      </div>
      <Rest error={error} />
    </>
  );
}

function Made({ limiter, onClose }: { limiter: Limiter; onClose: () => void }) {
  const snippet = `from openai import OpenAI

client = OpenAI(
    api_key="your-openai-api-key",
    base_url="${limiter.endpoint}")`;
  return (
    <div className="space-y-4">
      <pre className="overflow-x-auto rounded-lg bg-sunken p-3 font-mono text-xs" tabIndex={0}>
        {snippet}
      </pre>
      <div className="flex justify-end gap-2">
        <CopyButton text={limiter.endpoint} what="the endpoint" />
        <Button size="small" look="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  );
}

export function CreateLimiter({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [made, setMade] = useState<Limiter | null>(null);
  const creating = useMutation({
    mutationFn: async (form: FormData) => data(api.POST('/api/v1/limiters', { body: read(form) })),
    onSuccess: async (limiter) => {
      setMade(limiter);
      await queries.invalidateQueries({ queryKey: ['limiters'] });
    },
  });
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={made ? `${made.name} is ready` : 'New limiter'}
      description={
        made
          ? 'Clients change the base URL, and keep their own key.'
          : 'An endpoint with a budget, for clients with provider keys of their own.'
      }
    >
      {made ? (
        <Made limiter={made} onClose={onClose} />
      ) : (
        <Form sending={creating} verb="Create" fields={fields}>
          <Fields error={creating.error} />
        </Form>
      )}
    </Dialog>
  );
}
