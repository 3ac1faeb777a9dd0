import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { api, data, type LimitState, type Schemas } from '@/api/client';
import { inUnit } from '@/lib/decimal';
import { AmountInput } from '@/parts/fields';
import { amountOf, Form, textsOf } from '@/parts/form';
import { limitFields, LimitFields, readLimit } from '@/parts/limit_fields';
import { errorOf } from '@/parts/problem';
import { readThresholds, thresholdFields, ThresholdFields } from '@/parts/threshold_fields';
import { Dialog } from '@/ui/dialog';
import { Input } from '@/ui/field';

type Subject = { account: string } | { key: string };

/** The raise that is in force, if one is. */
export function raiseOf(limit: LimitState): LimitState['raise'] {
  return limit.raise && new Date(limit.raise.until) > new Date() ? limit.raise : null;
}

function ownAmount(limit: LimitState): string {
  return raiseOf(limit)?.from ?? limit.amount;
}

/** What a form asks for; then limits and templates are asked for again. */
export function useSend(send: (form: FormData) => Promise<unknown>, onDone: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (form: FormData) => send(form),
    onSuccess: () => {
      for (const name of ['limits', 'templates']) void queries.invalidateQueries({ queryKey: [name] });
      onDone();
    },
  });
}

/** What a new limit and a new template have in common. */
export function readTerms(form: FormData) {
  const thresholds = readThresholds(form);
  return { ...readLimit(form), ...(thresholds.length > 0 ? { thresholds } : {}) };
}

export function NewLimit({ of, onClose }: { of: Subject; onClose: () => void }) {
  const creating = useSend((form) => {
    const body = { ...of, ...readTerms(form) };
    return data(api.POST('/api/v1/limits', { body: body as Schemas['NewLimit'] }));
  }, onClose);
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title="New limit"
      description="Never exceeded. It opens with what was spent in its window already."
    >
      <Form sending={creating} verb="Create" fields={[...limitFields, ...thresholdFields]}>
        <LimitFields error={creating.error} />
        <ThresholdFields error={creating.error} />
      </Form>
    </Dialog>
  );
}

/** What of a limit or a template may change here. */
export type Terms = Pick<Schemas['LimitTemplate'], 'name' | 'unit' | 'amount' | 'thresholds'>;

/** Only what differs: what somebody else changed meanwhile stays as it is. */
function changesOf(before: Terms, form: FormData): Schemas['LimitEdit'] {
  const edit: Schemas['LimitEdit'] = {};
  if (amountOf(form) !== before.amount) edit.amount = amountOf(form);
  const thresholds = readThresholds(form);
  if (JSON.stringify(thresholds) !== JSON.stringify(before.thresholds)) edit.thresholds = thresholds;
  return edit;
}

interface EditProps {
  of: Terms;
  description: string;
  /** Of its amount. */
  hint?: ReactNode;
  send: (edit: Schemas['LimitEdit']) => Promise<unknown>;
  onClose: () => void;
}

/** Changes the terms of a limit, or of a template. */
export function EditTerms({ of, description, hint, send, onClose }: EditProps) {
  // As it was when the dialog opened, whatever comes of it while somebody types.
  const [before] = useState(of);
  const editing = useSend(async (form) => {
    const edit = changesOf(before, form);
    if (Object.keys(edit).length > 0) await send(edit);
  }, onClose);
  return (
    <Dialog open onOpenChange={onClose} title={`Change ${before.name}`} description={description}>
      <Form sending={editing} verb="Change" fields={['amount', ...thresholdFields]}>
        <AmountInput
          label={`At most (${before.unit})`}
          defaultValue={before.amount}
          hint={hint}
          failure={editing.error}
        />
        <ThresholdFields thresholds={before.thresholds} error={editing.error} />
      </Form>
    </Dialog>
  );
}

export function EditLimit({ limit, onClose }: { limit: LimitState; onClose: () => void }) {
  const path = { path: { id: limit.id } };
  return (
    <EditTerms
      of={{ ...limit, amount: ownAmount(limit) }}
      description="In force at once; what was spent stays."
      hint={raiseOf(limit) && 'Its own amount, which holds again when the raise ends.'}
      send={(body) => data(api.PATCH('/api/v1/limits/{id}', { params: path, body }))}
      onClose={onClose}
    />
  );
}

export function RaiseLimit({ limit, onClose }: { limit: LimitState; onClose: () => void }) {
  const raising = useSend((form) => {
    // The browser's own time has no zone: it is the viewer's.
    const body = { amount: amountOf(form), until: new Date(textsOf(form)('until')).toISOString() };
    return data(api.PUT('/api/v1/limits/{id}/raise', { params: { path: { id: limit.id } }, body }));
  }, onClose);
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Raise ${limit.name}`}
      description={`At once, for a time. Then its own amount holds again: ${inUnit(ownAmount(limit), limit.unit)}.`}
    >
      <Form sending={raising} verb="Raise" fields={['amount', 'until']}>
        <div className="grid gap-3 sm:grid-cols-2">
          <AmountInput label={`At most (${limit.unit})`} failure={raising.error} />
          <Input
            label="Until"
            name="until"
            type="datetime-local"
            required
            hint="In your time zone."
            error={errorOf(raising.error, 'until')}
          />
        </div>
      </Form>
    </Dialog>
  );
}
