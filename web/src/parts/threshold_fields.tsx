import type { Schemas } from '@/api/client';
import { Problem } from '@/api/problem';
import { textsOf } from '@/parts/form';
import { errorOf } from '@/parts/problem';
import { Input } from '@/ui/field';

type Threshold = Schemas['Threshold'];
const actions = ['warn', 'block'] as const;

/** How the field of each is called, and what it is for. */
const texts = {
  warn: {
    label: 'Warn at %',
    placeholder: '50, 80',
    hint: 'Optional: replies say from then on how much is spent.',
  },
  block: { label: 'Block at %', placeholder: '95', hint: 'Optional: nothing more is admitted from then on.' },
};
const nameOf = (action: Threshold['action']) => `${action}_at`;

export const thresholdFields = ['thresholds', ...actions.map(nameOf)];

/** At which percentages it acts so, as a person writes them: `50, 80`. */
export function percentagesOf(thresholds: readonly Threshold[], action: Threshold['action']): string {
  return thresholds
    .filter((one) => one.action === action)
    .map(({ percent }) => percent)
    .join(', ');
}

/** Sorted by percentage, as the API sorts them. */
export function readThresholds(form: FormData): Threshold[] {
  const text = textsOf(form);
  return actions
    .flatMap((action) =>
      text(nameOf(action))
        .split(/[\s,%]+/)
        .filter(Boolean)
        .map((word) => {
          if (/^[1-9]\d{0,2}$|^1000$/.test(word)) return { percent: Number(word), action };
          throw new Problem(400, `'${word}' is no whole percentage from 1 to 1000`, nameOf(action));
        }),
    )
    .sort((one, other) => one.percent - other.percent);
}

export function ThresholdFields({ thresholds = [], error }: { thresholds?: readonly Threshold[]; error: unknown }) {
  return (
    <div className="grid grid-cols-2 gap-3">
      {actions.map((action) => (
        <Input
          key={action}
          name={nameOf(action)}
          defaultValue={percentagesOf(thresholds, action)}
          autoComplete="off"
          // What the API refuses of them all stands at one of them.
          error={errorOf(error, nameOf(action), ...(action === 'block' ? ['thresholds'] : []))}
          {...texts[action]}
        />
      ))}
    </div>
  );
}
