import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useId } from 'react';
import { api, data, type Schemas } from '@/api/client';
import { useAccounts } from '@/api/names';
import { Confirm } from '@/parts/confirm';
import { Form, textsOf } from '@/parts/form';
import { limitFields, LimitFields } from '@/parts/limit_fields';
import { errorOf, ProblemNote } from '@/parts/problem';
import { thresholdFields, ThresholdFields } from '@/parts/threshold_fields';
import { Dialog } from '@/ui/dialog';
import { Input } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';
import { EditTerms, readTerms, useSend } from './limit_dialogs';

export type Template = Schemas['LimitTemplate'];

function accounts(count: number): string {
  return count === 1 ? 'one account has' : `${count} accounts have`;
}

export function NewTemplate({ onClose }: { onClose: () => void }) {
  const names = useAccounts().data;
  const list = useId();
  const creating = useSend((form) => {
    const text = textsOf(form);
    const body = {
      ...readTerms(form),
      level: Number(text('level')),
      ...(text('account') ? { account: text('account') } : {}),
    };
    return data(api.POST('/api/v1/limit-templates', { body: body as Schemas['NewLimitTemplate'] }));
  }, onClose);
  const { error } = creating;
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="New template"
      description={
        'Each account of the level has this limit from now on, and each that is created later from its first call ' +
        'on. A limit of its own in the same unit takes its place.'
      }
    >
      <Form sending={creating} verb="Create" fields={['account', 'level', ...limitFields, ...thresholdFields]}>
        <div className="grid gap-3 sm:grid-cols-2">
          <Input
            label="Below the account"
            name="account"
            list={list}
            autoComplete="off"
            hint="Name or id. Empty: from the top, and level 1 are accounts with none above."
            error={errorOf(error, 'account')}
          />
          <datalist id={list}>
            {names?.slice(0, 200).map((account) => (
              <option key={account.id} value={account.name} />
            ))}
          </datalist>
          <Input
            label="Level"
            name="level"
            type="number"
            min={1}
            max={16}
            defaultValue={1}
            required
            hint="How many levels below."
            error={errorOf(error, 'level')}
          />
        </div>
        <LimitFields error={error} />
        <ThresholdFields error={error} />
      </Form>
    </Dialog>
  );
}

export function EditTemplate({ template, onClose }: { template: Template; onClose: () => void }) {
  const path = { path: { id: template.id } };
  return (
    <EditTerms
      of={template}
      description={
        `A template: ${accounts(template.limits)} this limit, and it changes for all of them at once. What was spent ` +
        'stays spent, and a raise stays.'
      }
      send={(body) => data(api.PATCH('/api/v1/limit-templates/{id}', { params: path, body }))}
      onClose={onClose}
    />
  );
}

/** The same, of a limit that is a copy of it. */
export function EditTemplateOf({ id, onClose }: { id: string; onClose: () => void }) {
  const template = useQuery({
    queryKey: ['templates', id],
    queryFn: () => data(api.GET('/api/v1/limit-templates/{id}', { params: { path: { id } } })),
  });
  if (template.data) return <EditTemplate template={template.data} onClose={onClose} />;
  return (
    <Dialog open onOpenChange={onClose} title="Change the template" description="It is being fetched.">
      {template.error ? <ProblemNote error={template.error} /> : <Skeleton />}
    </Dialog>
  );
}

interface RemoveProps {
  template: Template;
  open: boolean;
  onClose: () => void;
}

export function RemoveTemplate({ template, open, onClose }: RemoveProps) {
  const queries = useQueryClient();
  const remove = async () => {
    await api.DELETE('/api/v1/limit-templates/{id}', { params: { path: { id: template.id } } });
    await Promise.all(['limits', 'templates'].map((name) => queries.invalidateQueries({ queryKey: [name] })));
  };
  return (
    <Confirm
      open={open}
      onOpenChange={onClose}
      title={`Remove the template ${template.name}?`}
      description={
        `Its copies go with it: ${accounts(template.limits)} one, and calls are not held to it any more. Usage ` +
        'records stay.'
      }
      verb="Remove the template"
      act={remove}
    />
  );
}
