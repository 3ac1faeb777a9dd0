import { useState } from 'react';
import type { Schemas } from '@/api/client';
import { AmountInput } from './fields';
import { amountOf, textsOf } from './form';
import { errorOf } from './problem';
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

export const windowFields = ['window', 'time_zone'];
export const limitFields = ['amount', 'unit', ...windowFields];

/** What stands in the fields below. */
export function readWindow(form: FormData): Pick<LimitTerms, 'window' | 'time_zone'> {
  const text = textsOf(form);
  const window = text('other_window') || text('window');
  return { window, ...(text('time_zone') && !anywhere(window) ? { time_zone: text('time_zone') } : {}) };
}

/** Every window that the API has, and whose midnights count; for a grid of two columns, or of three from `sm` on. */
export function WindowFields({ error, label = 'Window' }: { error: unknown; label?: string }) {
  const [window, setWindow] = useState('day');
  return (
    <>
      <Select
        label={label}
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
          label={`Which ${label.toLowerCase()}`}
          name="other_window"
          placeholder="rolling:90m"
          required
          className="col-span-2"
          hint="cycle:1 to cycle:31, or rolling: with seconds to weeks, such as rolling:90m"
          error={errorOf(error, 'window')}
        />
      )}
      {window !== '' && !anywhere(window) && (
        <ZoneInput name="time_zone" className="col-span-full" error={errorOf(error, 'time_zone')} />
      )}
    </>
  );
}

/** What stands in the fields below. */
export function readLimit(form: FormData): LimitTerms {
  return { unit: textsOf(form)('unit'), amount: amountOf(form), ...readWindow(form) };
}

export function LimitFields({ error, amount = '10' }: { error: unknown; amount?: string }) {
  return (
    <div className="grid grid-cols-2 gap-3 sm:grid-cols-3">
      <AmountInput label="At most" defaultValue={amount} failure={error} />
      <Select label="Unit" name="unit" error={errorOf(error, 'unit')}>
        {units.map((unit) => (
          <option key={unit} value={unit}>
            {unit === 'usd' ? 'US dollars' : unit.replaceAll('_', ' ')}
          </option>
        ))}
      </Select>
      <WindowFields error={error} />
    </div>
  );
}
