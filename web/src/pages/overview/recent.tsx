import { Link } from 'react-router';
import { useLatency, useRecords, useUsage } from '@/api/queries';
import { plain } from '@/lib/decimal';
import { showDuration } from '@/lib/time';
import { Empty } from '@/parts/empty';
import { ProblemNote } from '@/parts/problem';
import { RecordTable } from '@/parts/record_table';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Skeleton } from '@/ui/skeleton';

const shownRecords = 10;

/** Why calls were refused or failed, and how long those took that were admitted: of the last 24 hours. */
export function Refusals() {
  // To the whole hour, so that the question stays the same for a while.
  const hour = 3_600_000;
  const from = new Date(Math.floor(Date.now() / hour) * hour - 23 * hour).toISOString();
  const reasons = useUsage('reason', { from }, true);
  const latencies = useLatency('total', { from });
  const all = latencies.data?.[0];
  const figures: [string, number | null | undefined][] = [
    ['half of them, in all', all?.duration.p50_us],
    ['99 of 100, in all', all?.duration.p99_us],
    ['half of them, until the first byte', all?.first_byte.p50_us],
    ['99 of 100, until the first byte', all?.first_byte.p99_us],
  ];
  return (
    <Card title="Refusals and latency" note="Of the last 24 hours.">
      {(reasons.error ?? latencies.error) && <ProblemNote error={reasons.error ?? latencies.error} />}
      {(reasons.isPending || latencies.isPending) && <Skeleton rows={4} />}
      {reasons.data && latencies.data && (
        <div className="space-y-5 text-sm">
          <div>
            <h3 className="mb-2 font-medium">Refused or failed, by reason</h3>
            {reasons.data.length === 0 ? (
              <p className="text-muted">None was.</p>
            ) : (
              <ul className="space-y-1.5">
                {reasons.data.map((reason) => (
                  <li key={reason.group} data-reason={reason.group} className="flex justify-between gap-3">
                    <span>{reason.group?.replaceAll('_', ' ')}</span>
                    <span className="font-medium tabular-nums">{plain(reason.refusals + reason.requests)}</span>
                  </li>
                ))}
              </ul>
            )}
          </div>
          <div>
            <h3 className="mb-2 font-medium">Calls took at most, with the provider</h3>
            <ul className="space-y-1.5">
              {figures.map(([name, us]) => (
                <li key={name} className="flex justify-between gap-3">
                  <span>{name}</span>
                  <span className="font-medium tabular-nums">
                    {us === null || us === undefined ? '–' : showDuration(us)}
                  </span>
                </li>
              ))}
            </ul>
          </div>
        </div>
      )}
    </Card>
  );
}

export function RecentRequests() {
  const records = useRecords({ limit: shownRecords }, true);
  const found = records.data?.data;
  return (
    <Card
      title="Recent requests"
      actions={
        <Button asChild size="small">
          <Link to="/requests">All of them</Link>
        </Button>
      }
    >
      {records.error && <ProblemNote error={records.error} retry={() => void records.refetch()} />}
      {records.isPending && <Skeleton rows={6} />}
      {found?.length === 0 && <Empty title="Nothing was called yet" />}
      {found && found.length > 0 && <RecordTable records={found} label="Recent requests" />}
    </Card>
  );
}
