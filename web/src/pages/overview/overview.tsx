import { useSession } from '@/session';
import { useUsage } from '@/api/queries';
import { dollars, plain } from '@/lib/decimal';
import { lastUtcDays } from '@/lib/time';
import { CostByDay } from '@/parts/cost_by_day';
import { Page } from '@/parts/page';
import { ProblemNote } from '@/parts/problem';
import { Figure } from '@/ui/card';
import { BudgetStatus, NearestLimits } from './budgets';
import { CostByKey } from './cost_by_key';
import { FirstSteps } from './first_steps';
import { RecentRequests, Refusals } from './recent';
import { UnresolvedFigure } from './unresolved_figure';

/** `from`: a day of UTC; absent: ever since. */
function Spent({ name, from }: { name: string; from?: string | undefined }) {
  const usage = useUsage('total', { from }, true);
  const total = usage.data?.[0];
  const note = total && `${plain(total.requests)} requests, ${plain(total.refusals)} refused`;
  if (usage.error) return <ProblemNote error={usage.error} retry={() => void usage.refetch()} />;
  return <Figure name={name} value={total ? dollars(total.cost) : usage.isPending ? '…' : '$0.00'} note={note} />;
}

export function Overview() {
  const session = useSession();
  const records = useUsage('total', {}, true);
  const [total] = records.data ?? [];
  const today = lastUtcDays(1)[0];
  const nothingYet = records.data !== undefined && (!total || total.requests + total.refusals === 0);
  return (
    <Page title="Overview" note="Who spends what, as of now.">
      <div className="space-y-4">
        {nothingYet && <FirstSteps />}
        <div className="grid gap-4 sm:grid-cols-2 xl:grid-cols-4">
          <Spent name="Spent today (UTC)" from={today} />
          <Spent name="Spent this month (UTC)" from={`${today?.slice(0, 7)}-01`} />
          <Spent name="Spent in all" />
          {session.account === null && <UnresolvedFigure />}
        </div>
        <div className="grid gap-4 lg:grid-cols-[2fr_1fr]">
          <CostByDay live />
          <BudgetStatus />
        </div>
        <div className="grid items-start gap-4 lg:grid-cols-2">
          <NearestLimits />
          <div className="grid gap-4">
            <CostByKey />
            <Refusals />
          </div>
        </div>
        <RecentRequests />
      </div>
    </Page>
  );
}
