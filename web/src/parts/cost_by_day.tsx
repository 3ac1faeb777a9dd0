import { lazy, Suspense } from 'react';
import type { UsageFilter } from '@/api/queries';
import { useUsage } from '@/api/queries';
import { dollars, sum } from '@/lib/decimal';
import { lastUtcDays } from '@/lib/time';
import { Card } from '@/ui/card';
import { Skeleton } from '@/ui/skeleton';
import { ProblemNote } from './problem';

const Chart = lazy(async () => ({ default: (await import('./charts')).CostOverTime }));

/** Cost over the last thirty days of UTC, today included. */
export function CostByDay({ filter = {}, live = false }: { filter?: UsageFilter; live?: boolean }) {
  const days = lastUtcDays(30);
  const usage = useUsage('day', { ...filter, from: days[0] }, live);
  const byDay = new Map(usage.data?.map((day) => [day.group, day]));
  const points = days.map((day) => ({
    day,
    cost: byDay.get(day)?.cost ?? '0',
    requests: byDay.get(day)?.requests ?? 0,
  }));
  const total = dollars(sum(points.map((point) => point.cost)));
  return (
    <Card title="Cost over time" note={`By day of UTC, over the last 30 days: ${usage.data ? total : '…'} in all.`}>
      {usage.error && <ProblemNote error={usage.error} retry={() => void usage.refetch()} />}
      {usage.isPending && <Skeleton rows={5} />}
      {usage.data && (
        <figure>
          <Suspense fallback={<Skeleton rows={5} />}>
            <div aria-hidden>
              <Chart days={points} />
            </div>
          </Suspense>
          <figcaption className="sr-only">
            <ul>
              {points
                .filter((point) => point.requests > 0)
                .map((point) => (
                  <li key={point.day}>
                    {point.day}: {dollars(point.cost)} for {point.requests} requests
                  </li>
                ))}
            </ul>
          </figcaption>
        </figure>
      )}
    </Card>
  );
}
