import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from 'react-router';
import { api, data } from '@/api/client';
import { useAccounts } from '@/api/names';
import { refreshMs, useRecords, useUsage } from '@/api/queries';
import { may } from '@/api/session';
import { dollars, plain } from '@/lib/decimal';
import { BarList } from '@/parts/bar_list';
import { CostByDay } from '@/parts/cost_by_day';
import { Empty } from '@/parts/empty';
import { AccountName } from '@/parts/names';
import { Page } from '@/parts/page';
import { ProblemNote } from '@/parts/problem';
import { RecordTable } from '@/parts/record_table';
import { CallSnippet } from '@/parts/snippet';
import { When } from '@/parts/when';
import { useSession } from '@/session';
import { Button } from '@/ui/button';
import { Card, Figure } from '@/ui/card';
import { Skeleton } from '@/ui/skeleton';
import { AccountActions } from './account_actions';
import { BalanceCard } from './balance_card';
import { KeysCard } from './keys_card';
import { LimitsCard } from './limits_card';
import { StatusBadge } from './status_badge';
import { TermsCard } from './terms_card';
import { TransfersCard } from './transfers';

function Below({ id }: { id: string }) {
  const children = useAccounts().data?.filter((account) => account.parent === id) ?? [];
  if (children.length === 0) return null;
  return (
    <Card title="Accounts below it" note="Its limits hold for all of them together.">
      <ul className="flex flex-wrap gap-2">
        {children.slice(0, 100).map((child) => (
          <li key={child.id}>
            <Button asChild size="small">
              <Link to={`/accounts/${child.id}`}>{child.name}</Link>
            </Button>
          </li>
        ))}
      </ul>
      {children.length > 100 && <p className="mt-2 text-sm text-muted">And {children.length - 100} more.</p>}
    </Card>
  );
}

function Usage({ id, deleted }: { id: string; deleted: boolean }) {
  const total = useUsage('total', { account: id }, true).data?.[0];
  const models = useUsage('model', { account: id }, true).data ?? [];
  const recent = useRecords({ account: id, limit: 10 }, true);
  const records = recent.data?.data ?? [];
  if (recent.data && records.length === 0)
    return (
      <Card title="Usage" note="Of this account's own keys.">
        <Empty title="Nothing was called yet">
          {!deleted && <p className="mb-3">Point a client at the proxy with one of its keys.</p>}
        </Empty>
        {!deleted && (
          <div className="mt-4">
            <CallSnippet />
          </div>
        )}
      </Card>
    );
  return (
    <>
      <div className="grid grid-cols-2 gap-4 lg:grid-cols-4">
        <Figure name="Spent in all" value={<span data-number="cost">{total ? dollars(total.cost) : '…'}</span>} />
        <Figure name="Requests" value={total ? plain(total.requests) : '…'} />
        <Figure name="Refused" value={total ? plain(total.refusals) : '…'} />
        <Figure
          name="Tokens in / out"
          value={total ? `${plain(total.input_tokens)} / ${plain(total.output_tokens)}` : '…'}
        />
      </div>
      <div className="grid gap-4 lg:grid-cols-[2fr_1fr]">
        <CostByDay filter={{ account: id }} />
        <Card title="By model" note="Of all time.">
          <BarList
            items={models.slice(0, 8).map((sum) => ({ id: String(sum.group), name: sum.group ?? '–', cost: sum.cost }))}
          />
        </Card>
      </div>
      <Card
        title="Recent requests"
        actions={
          <Button asChild size="small">
            <Link to={`/requests?account=${id}`}>All of them</Link>
          </Button>
        }
      >
        {recent.error && <ProblemNote error={recent.error} />}
        <RecordTable records={records} label="Recent requests" />
      </Card>
    </>
  );
}

export function Account() {
  const { id = '' } = useParams();
  const session = useSession();
  const account = useQuery({
    queryKey: ['account', id],
    queryFn: () => data(api.GET('/api/v1/accounts/{id}', { params: { path: { id } } })),
    refetchInterval: refreshMs,
  });
  const found = account.data;
  if (account.error && !found)
    return (
      <Page title="Account">
        <ProblemNote error={account.error} retry={() => void account.refetch()} />
      </Page>
    );
  if (!found)
    return (
      <Page title="Account">
        <Skeleton rows={6} />
      </Page>
    );
  const deleted = found.status === 'deleted';
  const seesAll = session.account === null;
  const mayChange = may(session, 'operator') && !deleted;
  // What is set for the caller's own account is set by those above it.
  const own = session.account === found.id;
  return (
    <Page
      title={found.name}
      note={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <StatusBadge account={found} />
          {found.parent && (
            <span>
              below <AccountName id={found.parent} />
            </span>
          )}
          {found.external_id && <span>your id {found.external_id}</span>}
          <span>
            created <When at={found.created} />
          </span>
        </span>
      }
      actions={mayChange && !own && <AccountActions account={found} seesAll={seesAll} />}
    >
      <div className="space-y-4">
        {deleted && (
          <p className="rounded-lg bg-sunken px-3 py-2 text-sm">
            This account is deleted, for good. Its keys are revoked; what it spent stays counted, and its usage records
            stay.
          </p>
        )}
        <div className="grid items-start gap-4 lg:grid-cols-2">
          <div className="grid gap-4">
            <LimitsCard account={found.id} mayChange={mayChange && !own} />
            {found.credit_only && <BalanceCard account={found.id} mayChange={mayChange && seesAll} />}
            <TermsCard account={found} />
          </div>
          <div className="grid gap-4">
            <KeysCard account={found.id} mayChange={mayChange} />
            {found.credit_only && seesAll && <TransfersCard account={found.id} mayChange={mayChange} />}
          </div>
        </div>
        <Below id={found.id} />
        <Usage id={found.id} deleted={deleted} />
      </div>
    </Page>
  );
}
