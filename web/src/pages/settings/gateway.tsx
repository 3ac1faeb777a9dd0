import { useSettings } from '@/api/queries';
import { ProblemNote } from '@/parts/problem';
import { When } from '@/parts/when';
import { Card } from '@/ui/card';
import { Skeleton } from '@/ui/skeleton';

const day = 86_400_000;

const outlives = {
  process: 'a crash of the gateway',
  power: 'a power loss',
  none: 'nothing: it is kept in memory',
} as const;

function days(count: number) {
  return count === 1 ? 'one day' : `${count} days`;
}

// The API's is in ms; the configuration's may be any span.
function span(ms: number) {
  if (ms % day === 0) return days(ms / day);
  const hours = ms / 3_600_000;
  return `${hours < 1 ? Math.round(ms / 1000) + ' seconds' : Math.round(hours * 10) / 10 + ' hours'}`;
}

/** What the configuration says; it is changed there, and read when the gateway starts. */
export function Gateway() {
  const settings = useSettings();
  if (settings.error) return <ProblemNote error={settings.error} />;
  if (!settings.data) return <Skeleton rows={6} />;
  const { version, proxy_url, store, durability, unresolved_settles_after_ms, usage_keep_days, usage_kept_from } =
    settings.data;
  return (
    <Card title="This gateway">
      <dl className="grid gap-x-6 gap-y-2 text-sm sm:grid-cols-[max-content_minmax(0,1fr)]">
        <dt className="text-muted">Version</dt>
        <dd>{version}</dd>
        <dt className="text-muted">Listens for calls</dt>
        <dd className="break-all">{proxy_url ?? 'nowhere'}</dd>
        <dt className="text-muted">Store</dt>
        <dd>{store}</dd>
        <dt className="text-muted">A reservation outlives</dt>
        <dd>{outlives[durability]}</dd>
        <dt className="text-muted">Unresolved counts as spent after</dt>
        <dd>{unresolved_settles_after_ms === null ? 'never by itself' : span(unresolved_settles_after_ms)}</dd>
        <dt className="text-muted">Requests are kept</dt>
        <dd>
          {usage_keep_days === null ? 'for ever' : `for ${days(usage_keep_days)}; their sums for ever`}
          {usage_kept_from !== null && (
            <>
              {' '}
              (all since <When at={usage_kept_from} />)
            </>
          )}
        </dd>
      </dl>
    </Card>
  );
}
