import { useState } from 'react';
import type { Account, Schemas } from '@/api/client';
import { Problem } from '@/api/problem';
import { useBooks } from '@/api/queries';
import { bpsInPercent, compare, isZero, readAmount, readBps } from '@/lib/decimal';
import { AmountInput, NameInput } from '@/parts/fields';
import { Form, textsOf } from '@/parts/form';
import { errorOf } from '@/parts/problem';
import { ZoneInput } from '@/parts/zone_input';
import { Dialog } from '@/ui/dialog';
import { Checkbox, Input, Select } from '@/ui/field';
import { useChange } from './change';

const inherited = 'inherit';

/** A monthly fee that is not there is one of nothing, on the first day of UTC's month. */
function feeOf(account: Account) {
  return account.monthly_fee ?? { amount: '0', day: 1, time_zone: 'UTC' };
}

function readPercentage(text: string, field: string): number {
  const bps = readBps(text || '0');
  if (bps !== undefined) return bps;
  throw new Problem(400, `'${text}' is no percentage with at most two places, such as 2.5`, field);
}

/** Only what differs: what somebody else changed meanwhile stays as it is. */
function changesOf(account: Account, form: FormData): Schemas['AccountEdit'] {
  const text = textsOf(form);
  const edit: Schemas['AccountEdit'] = {};
  if (text('name') !== account.name) edit.name = text('name');
  if (text('external_id') !== (account.external_id ?? '')) edit.external_id = text('external_id');
  if (form.has('credit_only') !== account.credit_only) edit.credit_only = form.has('credit_only');
  const markup = readPercentage(text('markup_bps'), 'markup_bps');
  if (markup !== account.markup_bps) edit.markup_bps = markup;
  const topUpFee = readPercentage(text('top_up_fee_bps'), 'top_up_fee_bps');
  if (topUpFee !== account.top_up_fee_bps) edit.top_up_fee_bps = topUpFee;
  if (text('book') !== (account.book ?? inherited)) edit.book = text('book');

  const fee = feeOf(account);
  const typed = text('monthly_fee') || '0';
  const amount = readAmount(typed);
  if (amount === undefined || compare(amount, fee.amount) !== 0) edit.monthly_fee = amount ?? typed;
  if (amount !== undefined && isZero(amount)) return edit;
  if (text('monthly_fee_day') !== String(fee.day)) edit.monthly_fee_day = Number(text('monthly_fee_day'));
  if (text('monthly_fee_time_zone') !== fee.time_zone) edit.monthly_fee_time_zone = text('monthly_fee_time_zone');
  return edit;
}

const fields = [
  'name',
  'external_id',
  'markup_bps',
  'top_up_fee_bps',
  'monthly_fee',
  'monthly_fee_day',
  'monthly_fee_time_zone',
  'book',
];

function FeeFields({ fee, error }: { fee: ReturnType<typeof feeOf>; error: unknown }) {
  return (
    <>
      <AmountInput
        label="Monthly fee in US dollars"
        name="monthly_fee"
        required={false}
        defaultValue={fee.amount}
        className="col-span-2"
        hint="Taken from its balance; 0 for none."
        failure={error}
      />
      <Input
        label="On day"
        name="monthly_fee_day"
        type="number"
        min={1}
        max={31}
        required
        defaultValue={fee.day}
        hint="In a shorter month, its last."
        error={errorOf(error, 'monthly_fee_day')}
      />
      <ZoneInput
        name="monthly_fee_time_zone"
        defaultValue={fee.time_zone}
        error={errorOf(error, 'monthly_fee_time_zone')}
      />
    </>
  );
}

function Terms({ account, error }: { account: Account; error: unknown }) {
  const books = useBooks().data ?? [];
  // One that the configuration has no more stays chosen until another is.
  const known = account.book && !books.includes(account.book) ? [account.book, ...books] : books;
  const percentage = { inputMode: 'decimal', autoComplete: 'off' } as const;
  return (
    <fieldset className="grid grid-cols-2 gap-3 border-t border-line pt-4">
      <legend className="sr-only">How it pays</legend>
      <div className="col-span-2">
        <Checkbox
          label="Prepaid: it and all below it spend what was paid in, and no more"
          name="credit_only"
          defaultChecked={account.credit_only}
        />
      </div>
      <Input
        label="Markup in %"
        name="markup_bps"
        defaultValue={bpsInPercent(account.markup_bps)}
        hint="On top of what its calls cost."
        error={errorOf(error, 'markup_bps')}
        {...percentage}
      />
      <Input
        label="Top-up fee in %"
        name="top_up_fee_bps"
        defaultValue={bpsInPercent(account.top_up_fee_bps)}
        hint="Of what is paid in."
        error={errorOf(error, 'top_up_fee_bps')}
        {...percentage}
      />
      <FeeFields fee={feeOf(account)} error={error} />
      <Select
        // Its choices come later than the rest: then it shows anew which is chosen.
        key={known.join()}
        label="Price book"
        name="book"
        defaultValue={account.book ?? inherited}
        className="col-span-2"
        error={errorOf(error, 'book')}
      >
        <option value={inherited}>{account.parent ? 'that of the account above' : 'default: none is above'}</option>
        {known.map((book) => (
          <option key={book} value={book}>
            {book}
          </option>
        ))}
      </Select>
    </fieldset>
  );
}

export function EditAccount({ account, onClose }: { account: Account; onClose: () => void }) {
  // As it was when the dialog opened, whatever comes of it while somebody types.
  const [before] = useState(account);
  const saving = useChange(before, (form) => changesOf(before, form), onClose);
  const { error } = saving;
  return (
    <Dialog open onOpenChange={onClose} title={`Edit ${before.name}`} description="In force from the next call on.">
      <Form sending={saving} verb="Save" fields={fields}>
        <div className="grid gap-3 sm:grid-cols-2">
          <NameInput defaultValue={before.name} failure={error} />
          <Input
            label="Your own id"
            name="external_id"
            defaultValue={before.external_id ?? ''}
            hint="Optional, such as cus_1."
            maxLength={200}
            error={errorOf(error, 'external_id')}
          />
        </div>
        <Terms account={before} error={error} />
      </Form>
    </Dialog>
  );
}
