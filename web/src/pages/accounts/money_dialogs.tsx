// What moves money of a prepaid balance. Nothing of it can be undone, only be answered by another order.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { api, data, newIdempotencyKey, type Schemas } from '@/api/client';
import { dollars, isZero, sum } from '@/lib/decimal';
import { AmountInput, NoteInput } from '@/parts/fields';
import { amountOf, Form, textsOf } from '@/parts/form';
import { errorOf } from '@/parts/problem';
import { Dialog } from '@/ui/dialog';
import { Input, Select } from '@/ui/field';

export type Grant = Schemas['Balance']['grants'][number];
export type Transfer = Schemas['Transfer'];

/**
 * What a transfer is about, in dollars. An order to void a grant names no amount, and that of a charge is what the call
 * cost, without the markup: both stand in the postings.
 */
export function moved({ kind, amount, postings }: Transfer): string {
  if (kind !== 'void' && kind !== 'charge') return amount;
  const from = kind === 'charge' ? 'account:' : 'grant:';
  return sum(postings.filter(({ source }) => source.startsWith(from)).map((posting) => posting.amount));
}

interface Order {
  header: { 'Idempotency-Key': string };
}

/** One order however often it is sent: a second click moves nothing more. */
function useOrder(send: (form: FormData, order: Order) => Promise<unknown>, onDone: () => void) {
  const queries = useQueryClient();
  const [key] = useState(newIdempotencyKey);
  return useMutation({
    mutationFn: async (form: FormData) => send(form, { header: { 'Idempotency-Key': key } }),
    onSuccess: async () => {
      await Promise.all(['balance', 'transfers'].map((name) => queries.invalidateQueries({ queryKey: [name] })));
      onDone();
    },
  });
}

function noteOf(form: FormData): { note?: string } {
  const note = textsOf(form)('note');
  return note ? { note } : {};
}

function readGrant(form: FormData): Omit<Schemas['NewGrant'], 'account'> {
  const text = textsOf(form);
  return {
    amount: amountOf(form),
    kind: text('kind') === 'paid' ? 'paid' : 'promotional',
    ...(text('priority') ? { priority: Number(text('priority')) } : {}),
    ...(text('effective') ? { effective: text('effective') } : {}),
    ...(text('expires') ? { expires: text('expires') } : {}),
    ...noteOf(form),
  };
}

interface MoneyProps {
  title: string;
  description: ReactNode;
  verb: string;
  fields: readonly string[];
  sending: ReturnType<typeof useOrder>;
  onClose: () => void;
  children: ReactNode;
}

function MoneyDialog({ title, description, verb, fields, sending, onClose, children }: MoneyProps) {
  return (
    <Dialog open onOpenChange={onClose} title={title} description={description}>
      <Form sending={sending} verb={verb} fields={fields}>
        {children}
      </Form>
    </Dialog>
  );
}

export function NewGrant({ account, onClose }: { account: string; onClose: () => void }) {
  const sending = useOrder(
    (form, params) => data(api.POST('/api/v1/credits', { params, body: { account, ...readGrant(form) } })),
    onClose,
  );
  const { error } = sending;
  return (
    <MoneyDialog
      title="Put money in"
      description="A grant of the balance. Of those usable, the one with the smallest priority is drawn on first."
      verb="Put in"
      fields={['amount', 'priority', 'effective', 'expires']}
      sending={sending}
      onClose={onClose}
    >
      <div className="grid gap-3 sm:grid-cols-2">
        <AmountInput failure={error} />
        <Select label="Kind" name="kind">
          <option value="paid">paid</option>
          <option value="promotional">promotional: nobody paid for it</option>
        </Select>
        <Input
          label="Usable from"
          name="effective"
          type="date"
          hint="Optional, midnight of UTC; else at once."
          error={errorOf(error, 'effective')}
        />
        <Input
          label="Expires"
          name="expires"
          type="date"
          hint="Optional; midnight of UTC."
          error={errorOf(error, 'expires')}
        />
        <Input
          label="Priority"
          name="priority"
          type="number"
          min={0}
          max={255}
          placeholder="100"
          hint="Optional, 0 to 255."
          error={errorOf(error, 'priority')}
        />
        <NoteInput failure={error} />
      </div>
    </MoneyDialog>
  );
}

/** How a grant is called, which has no name. */
export function wordsFor(grant: Grant): string {
  return `the ${grant.kind} grant of ${dollars(grant.granted)}`;
}

export function VoidGrant({ grant, onClose }: { grant: Grant; onClose: () => void }) {
  const path = { path: { id: grant.id } };
  const sending = useOrder(
    (form, order) => data(api.POST('/api/v1/credits/{id}/void', { params: { ...path, ...order }, body: noteOf(form) })),
    onClose,
  );
  return (
    <MoneyDialog
      title={`Void ${wordsFor(grant)}?`}
      description={
        `What is left of it is taken back; it is ${dollars(grant.available)} now. What calls under way hold follows ` +
        'when they give it back, and what was spent stays spent. It cannot be undone.'
      }
      verb="Void the grant"
      fields={[]}
      sending={sending}
      onClose={onClose}
    >
      <NoteInput failure={sending.error} hint="Optional: why." />
    </MoneyDialog>
  );
}

export function DisputeGrant({ grant, onClose }: { grant: Grant; onClose: () => void }) {
  const path = { path: { id: grant.id } };
  const sending = useOrder(
    (form, order) =>
      data(
        api.POST('/api/v1/credits/{id}/dispute', {
          params: { ...path, ...order },
          body: { amount: amountOf(form), ...noteOf(form) },
        }),
      ),
    onClose,
  );
  return (
    <MoneyDialog
      title={`Dispute ${wordsFor(grant)}?`}
      description={
        'Books a payment that was taken back by who had made it, whether it is spent or not. The balance may fall ' +
        'below zero; then no call is admitted until something is paid in. It cannot be undone.'
      }
      verb="Book the dispute"
      fields={['amount']}
      sending={sending}
      onClose={onClose}
    >
      <AmountInput
        failure={sending.error}
        hint={`That was taken back. ${dollars(grant.available)} of the grant is not spent.`}
      />
      <NoteInput failure={sending.error} hint="Optional, such as the dispute's id." />
    </MoneyDialog>
  );
}

export function TakeFee({ account, onClose }: { account: string; onClose: () => void }) {
  const sending = useOrder(
    (form, params) =>
      data(api.POST('/api/v1/credits/fee', { params, body: { account, amount: amountOf(form), ...noteOf(form) } })),
    onClose,
  );
  return (
    <MoneyDialog
      title="Take a fee"
      description="Off the balance, in the order in which grants are drawn on; refused if it has not so much free."
      verb="Take the fee"
      fields={['amount']}
      sending={sending}
      onClose={onClose}
    >
      <AmountInput failure={sending.error} />
      <NoteInput failure={sending.error} hint="Optional: what for." />
    </MoneyDialog>
  );
}

export function RefundCharge({ charge, onClose }: { charge: Transfer; onClose: () => void }) {
  const exchange = charge.subject ?? '';
  const charged = moved(charge);
  const sending = useOrder(
    (form, params) =>
      data(
        api.POST('/api/v1/credits/refund', {
          params,
          body: { exchange, amount: amountOf(form), ...noteOf(form) },
        }),
      ),
    onClose,
  );
  return (
    <MoneyDialog
      title="Give back a charge"
      description={
        `The call was charged ${dollars(charged)}; some or all of it goes back to the grants that paid it. ` +
        'What comes back to one that has expired has expired. Limits count the call as before. It cannot be undone.'
      }
      verb="Give back"
      fields={['amount']}
      sending={sending}
      onClose={onClose}
    >
      <AmountInput failure={sending.error} defaultValue={charged} hint="At most what was not given back yet." />
      <NoteInput failure={sending.error} hint="Optional: why." />
    </MoneyDialog>
  );
}

/** What may still be done about a grant. */
export function mayVoid(grant: Grant): boolean {
  return grant.status !== 'void' && grant.status !== 'expired';
}

export function mayDispute(grant: Grant): boolean {
  return grant.kind === 'paid' && !isZero(grant.granted);
}
