import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { dollars, plain } from '@/lib/decimal';
import { inWords } from '@/lib/window';
import { ProblemNote } from '@/parts/problem';
import { When } from '@/parts/when';
import { Dialog } from '@/ui/dialog';
import { Skeleton } from '@/ui/skeleton';
import { type Limiter, useLimiterStats } from './queries';

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="flex flex-wrap justify-between gap-x-4 py-2">
      <dt className="text-muted">{name}</dt>
      <dd className="font-medium tabular-nums">{children}</dd>
    </div>
  );
}

export function StatsDialog({ limiter, onClose }: { limiter: Limiter; onClose: () => void }) {
  const stats = useLimiterStats(limiter.id);
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Stats of ${limiter.name}`}
      description={`Of this period; the budget is ${dollars(limiter.budget)} ${inWords(limiter.window)}.`}
    >
      {stats.error && <ProblemNote error={stats.error} retry={() => void stats.refetch()} />}
      {stats.isPending && <Skeleton rows={6} />}
      {stats.data && (
        <dl className="divide-y divide-line text-sm">
          <Line name="Spent">{dollars(stats.data.current_spend)}</Line>
          <Line name="Remaining">{dollars(stats.data.remaining_budget)}</Line>
          <Line name="Of the budget">{stats.data.usage_percentage} %</Line>
          <Line name="Requests">{plain(stats.data.total_requests)}</Line>
          <Line name="From">{stats.data.period_start ? <When at={stats.data.period_start} /> : 'the beginning'}</Line>
          <Line name="To">{stats.data.period_end ? <When at={stats.data.period_end} /> : 'no end'}</Line>
        </dl>
      )}
      <p className="mt-4 text-sm">
        <Link to={`/accounts/${limiter.id}`} className="underline">
          Its account
        </Link>{' '}
        has its limits and its requests.
      </p>
    </Dialog>
  );
}
