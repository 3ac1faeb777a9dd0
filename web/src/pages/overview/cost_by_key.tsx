import { Link } from 'react-router';
import { useUsage } from '@/api/queries';
import { isZero } from '@/lib/decimal';
import { lastUtcDays } from '@/lib/time';
import { BarList } from '@/parts/bar_list';
import { Empty } from '@/parts/empty';
import { ProblemNote } from '@/parts/problem';
import { Card } from '@/ui/card';
import { Skeleton } from '@/ui/skeleton';

export function CostByKey() {
  const usage = useUsage('key', { from: lastUtcDays(30)[0] }, true);
  const items = usage.data
    ?.filter((sum) => !isZero(sum.cost))
    .slice(0, 8)
    .map((sum) => ({
      id: String(sum.group),
      name: (
        <Link to={`/requests?key=${sum.group}`} className="hover:underline">
          {sum.name ?? sum.group}
        </Link>
      ),
      cost: sum.cost,
    }));
  return (
    <Card title="Cost by key" note="The eight that cost most in 30 days.">
      {usage.error && <ProblemNote error={usage.error} retry={() => void usage.refetch()} />}
      {usage.isPending && <Skeleton rows={5} />}
      {items?.length === 0 && <Empty title="No key has cost anything" />}
      {items && <BarList items={items} />}
    </Card>
  );
}
