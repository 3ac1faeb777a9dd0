import { Link } from 'react-router';
import type { LimitState } from '@/api/client';
import { useKey } from '@/api/names';
import { useLimits } from '@/api/queries';
import { share } from '@/lib/decimal';
import { Doughnut } from '@/parts/charts';
import { Empty } from '@/parts/empty';
import { LimitMeter, standingOf, type Standing } from '@/parts/meter';
import { AccountName, KeyName } from '@/parts/names';
import { ProblemNote } from '@/parts/problem';
import { Card } from '@/ui/card';
import { Skeleton } from '@/ui/skeleton';

const standings: { standing: Standing; name: string; color: string }[] = [
  { standing: 'fine', name: 'Below 80 %', color: 'var(--bar-1)' },
  { standing: 'close', name: '80 % or more spent', color: 'var(--bar-2)' },
  { standing: 'used up', name: 'Nothing left', color: 'var(--bad)' },
];

/** Of limits that refuse: one in shadow only counts. */
function useEnforced() {
  const limits = useLimits();
  return { ...limits, data: limits.data?.filter((limit) => limit.mode === 'enforce') };
}

export function BudgetStatus() {
  const limits = useEnforced();
  const slices = standings.map(({ standing, name, color }) => ({
    name,
    color,
    count: limits.data?.filter((limit) => standingOf(limit) === standing).length ?? 0,
  }));
  return (
    <Card title="Budget status" note="How the limits stand in their windows.">
      {limits.error && <ProblemNote error={limits.error} retry={() => void limits.refetch()} />}
      {limits.isPending && <Skeleton rows={5} />}
      {limits.data?.length === 0 && (
        <Empty title="There is no limit yet">
          <Link to="/accounts" className="underline">
            Put one on an account
          </Link>
        </Empty>
      )}
      {limits.data && limits.data.length > 0 && (
        <div className="flex flex-wrap items-center justify-center gap-4">
          <div aria-hidden>
            <Doughnut slices={slices} />
          </div>
          <ul className="space-y-2 text-sm">
            {slices.map((slice) => (
              <li key={slice.name} className="flex items-center gap-2">
                <span className="size-3 rounded-sm" style={{ background: slice.color }} aria-hidden />
                <span className="font-medium tabular-nums">{slice.count}</span>
                <span className="text-muted">{slice.name}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Card>
  );
}

function OfKey({ id }: { id: string }) {
  const account = useKey(id)?.account;
  return (
    <>
      <KeyName id={id} />
      {account && (
        <>
          {' of '}
          <AccountName id={account} />
        </>
      )}
    </>
  );
}

function Subject({ limit }: { limit: LimitState }) {
  if (limit.account) return <AccountName id={limit.account} />;
  return limit.key ? <OfKey id={limit.key} /> : null;
}

export function NearestLimits() {
  const limits = useEnforced();
  const nearest = [...(limits.data ?? [])]
    .sort((a, b) => share(b.spent, b.amount) - share(a.spent, a.amount))
    .slice(0, 5);
  return (
    <Card title="Spend against limits" note="The five of which most is spent.">
      {limits.error && <ProblemNote error={limits.error} />}
      {limits.isPending && <Skeleton rows={5} />}
      {limits.data?.length === 0 && (
        <Empty title="There is no limit yet">Without one nothing bounds what is spent.</Empty>
      )}
      <ul className="space-y-5">
        {nearest.map((limit) => (
          <li key={limit.id}>
            <p className="mb-1 truncate text-sm">
              <Subject limit={limit} /> <span className="text-muted">· {limit.name}</span>
            </p>
            <LimitMeter limit={limit} />
          </li>
        ))}
      </ul>
    </Card>
  );
}
