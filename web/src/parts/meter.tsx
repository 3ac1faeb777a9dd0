import type { LimitState } from '@/api/client';
import { compare, inUnit, isZero, percent, share } from '@/lib/decimal';
import { cn } from '@/lib/cn';
import { When } from './when';

type Five = Pick<LimitState, 'amount' | 'available' | 'reserved' | 'unresolved' | 'spent'>;

/** How a limit stands: from four fifths spent on it is close, and with nothing available it is used up. */
export type Standing = 'fine' | 'close' | 'used up';

export function standingOf(limit: Five): Standing {
  if (compare(limit.available, '0') <= 0) return 'used up';
  return share(limit.spent, limit.amount) >= 0.8 ? 'close' : 'fine';
}

function Part({ of, amount, className }: { of: string; amount: string; className: string }) {
  const width = share(amount, of) * 100;
  return width === 0 ? null : <div className={cn('h-full', className)} style={{ width: `${width}%` }} />;
}

/** The five numbers as a bar: spent, reserved, unresolved, and what is left. */
export function Bar({ five, unit, label }: { five: Five; unit: string; label: string }) {
  const standing = standingOf(five);
  const spent = standing === 'used up' ? 'bg-bad' : standing === 'close' ? 'bg-warn' : 'bg-accent';
  return (
    <div
      role="img"
      aria-label={`${label}: ${inUnit(five.spent, unit)} of ${inUnit(five.amount, unit)} spent`}
      className="flex h-2 overflow-hidden rounded-full bg-sunken"
    >
      <Part of={five.amount} amount={five.spent} className={spent} />
      <Part of={five.amount} amount={five.reserved} className="bg-accent/50" />
      <Part of={five.amount} amount={five.unresolved} className="bg-warn/60" />
    </div>
  );
}

/** One limit with its numbers in words. */
export function LimitMeter({ limit }: { limit: LimitState }) {
  const { unit } = limit;
  return (
    <div>
      <div className="mb-1.5 flex flex-wrap items-baseline justify-between gap-x-3 text-sm">
        <span className="tabular-nums" data-limit={limit.id}>
          <span className="font-medium" data-number="spent">
            {inUnit(limit.spent, unit)}
          </span>
          <span className="text-muted">
            {' '}
            of {inUnit(limit.amount, unit)} · {percent(limit.spent, limit.amount)}
          </span>
        </span>
        <span className="text-muted tabular-nums">{inUnit(limit.available, unit)} left</span>
      </div>
      <Bar five={limit} unit={unit} label={limit.name} />
      <p className="mt-1.5 flex flex-wrap gap-x-3 text-xs text-muted">
        {!isZero(limit.reserved) && <span>{inUnit(limit.reserved, unit)} reserved for calls under way</span>}
        {!isZero(limit.unresolved) && <span>{inUnit(limit.unresolved, unit)} unresolved</span>}
        {limit.resets_at && (
          <span>
            {limit.window.startsWith('rolling') ? 'some is free again' : 'begins anew'} <When at={limit.resets_at} />
          </span>
        )}
      </p>
    </div>
  );
}
