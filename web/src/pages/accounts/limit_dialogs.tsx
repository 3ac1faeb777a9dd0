import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, data, type LimitState, type Schemas } from '@/api/client';
import { inUnit, readAmount } from '@/lib/decimal';
import { Form, textsOf } from '@/parts/form';
import { errorOf } from '@/parts/problem';
import { Dialog } from '@/ui/dialog';
import { Input } from '@/ui/field';
import { limitFields, LimitFields, readLimit } from '@/parts/limit_fields';
import { readThresholds, thresholdFields, ThresholdFields } from '@/parts/threshold_fields';

type Subject = { account: string } | { key: string };

/** The raise that is in force, if one is. */
export function raiseOf(limit: LimitState): LimitState['raise'] {
  return limit.raise && new Date(limit.raise.until) > new Date() ? limit.raise : null;
}

function ownAmount(limit: LimitState): string {
  return raiseOf(limit)?.from ?? limit.amount;
}

/** What a form asks for; then the limits are asked for again. A text that is no amount is left to the API to refuse. */
function useSend(send: (form: FormData) => Promise<unknown>, onDone: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (form: FormData) => send(form),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['limits'] });
      onDone();
    },
  });
}

function readAmountOf(form: FormData): string {
  const text = textsOf(form)('amount');
  return readAmount(text) ?? text;
}

export function NewLimit({ of, onClose }: { of: Subject; onClose: () => void }) {
  const creating = useSend((form) => {
    const thresholds = readThresholds(form);
    const body = { ...of, ...readLimit(form), ...(thresholds.length > 0 ? { thresholds } : {}) };
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

/** Only what differs: what somebody else changed meanwhile stays as it is. */
function changesOf(limit: LimitState, form: FormData): Schemas['LimitEdit'] {
  const edit: Schemas['LimitEdit'] = {};
  if (readAmountOf(form) !== ownAmount(limit)) edit.amount = readAmountOf(form);
  const thresholds = readThresholds(form);
  if (JSON.stringify(thresholds) !== JSON.stringify(limit.thresholds)) edit.thresholds = thresholds;
  return edit;
}

export function EditLimit({ limit, onClose }: { limit: LimitState; onClose: () => void }) {
  // As it was when the dialog opened, whatever comes of it while somebody types.
  const [before] = useState(limit);
  const editing = useSend(async (form) => {
    const body = changesOf(before, form);
    if (Object.keys(body).length === 0) return;
    await data(api.PATCH('/api/v1/limits/{id}', { params: { path: { id: before.id } }, body }));
  }, onClose);
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Change ${before.name}`}
      description="In force at once; what was spent stays."
    >
      <Form sending={editing} verb="Change" fields={['amount', ...thresholdFields]}>
        <Input
          label={`At most (${before.unit})`}
          name="amount"
          inputMode="decimal"
          defaultValue={ownAmount(before)}
          hint={raiseOf(before) && 'Its own amount, which holds again when the raise ends.'}
          required
          error={errorOf(editing.error, 'amount')}
        />
        <ThresholdFields thresholds={before.thresholds} error={editing.error} />
      </Form>
    </Dialog>
  );
}

export function RaiseLimit({ limit, onClose }: { limit: LimitState; onClose: () => void }) {
  const raising = useSend((form) => {
    // The browser's own time has no zone: it is the viewer's.
    const body = { amount: readAmountOf(form), until: new Date(textsOf(form)('until')).toISOString() };
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
          <Input
            label={`At most (${limit.unit})`}
            name="amount"
            inputMode="decimal"
            autoComplete="off"
            required
            error={errorOf(raising.error, 'amount')}
          />
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
