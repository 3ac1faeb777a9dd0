import { useState } from 'react';
import type { Schemas } from '@/api/client';
import { readAmount } from '@/lib/decimal';
import { textsOf } from '@/parts/form';
import { errorOf } from '@/parts/problem';
import { Input, Select } from '@/ui/field';
import { ZoneInput } from './zone_input';

export type LimitTerms = Pick<Schemas['NewLimit'], 'unit' | 'window' | 'amount' | 'time_zone'>;

const windows: [string, string][] = [
  ['minute', 'per minute'],
  ['hour', 'per hour'],
  ['day', 'per day'],
  ['week', 'per week, from Monday'],
  ['month', 'per month'],
  ['year', 'per year'],
  ['total', 'in all, for ever'],
  ['cycle:15', 'per billing cycle, from the 15th'],
  ['rolling:5h', 'in any 5 hours'],
  ['rolling:1d', 'in any 24 hours'],
  ['rolling:7d', 'in any 7 days'],
  ['rolling:30d', 'in any 30 days'],
];
const units = ['usd', 'tokens', 'input_tokens', 'output_tokens', 'requests'];
/** Whose midnights do not matter. */
const anywhere = (window: string) => window === 'minute' || window === 'total' || window.startsWith('rolling');

export const limitFields = ['amount', 'unit', 'window', 'time_zone'];

/** What stands in the fields below; a text that is no amount is left to the API to refuse. */
export function readLimit(form: FormData): LimitTerms {
  const text = textsOf(form);
  const other = text('other_window');
  const window = other || text('window');
  return {
    unit: text('unit'),
    window,
    amount: readAmount(text('amount')) ?? text('amount'),
    ...(text('time_zone') && !anywhere(window) ? { time_zone: text('time_zone') } : {}),
  };
}

export function LimitFields({ error, amount = '10' }: { error: unknown; amount?: string }) {
  const [window, setWindow] = useState('day');
  return (
    <div className="grid grid-cols-2 gap-3 sm:grid-cols-3">
      <Input
        label="At most"
        name="amount"
        inputMode="decimal"
        defaultValue={amount}
        required
        error={errorOf(error, 'amount')}
      />
      <Select label="Unit" name="unit" error={errorOf(error, 'unit')}>
        {units.map((unit) => (
          <option key={unit} value={unit}>
            {unit === 'usd' ? 'US dollars' : unit.replaceAll('_', ' ')}
          </option>
        ))}
      </Select>
      <Select
        label="Window"
        name="window"
        value={window}
        onChange={(event) => setWindow(event.target.value)}
        className="col-span-2 sm:col-span-1"
        error={window === '' ? undefined : errorOf(error, 'window')}
      >
        {windows.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
        <option value="">another …</option>
      </Select>
      {window === '' && (
        <Input
          label="Which window"
          name="other_window"
          placeholder="rolling:90m"
          required
          className="col-span-2"
          hint="cycle:1 to cycle:31, or rolling: with seconds to weeks, such as rolling:90m"
          error={errorOf(error, 'window')}
        />
      )}
      {window !== '' && !anywhere(window) && (
        <ZoneInput name="time_zone" className="col-span-2 sm:col-span-3" error={errorOf(error, 'time_zone')} />
      )}
    </div>
  );
}
