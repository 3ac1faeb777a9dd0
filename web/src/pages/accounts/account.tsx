import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import { type Account as AccountData, api, data } from '@/api/client';
import { useAccounts } from '@/api/names';
import { refreshMs, useRecords, useUsage } from '@/api/queries';
import { may } from '@/api/session';
import { dollars, plain } from '@/lib/decimal';
import { BarList } from '@/parts/bar_list';
import { Confirm } from '@/parts/confirm';
import { CostByDay } from '@/parts/cost_by_day';
import { Empty } from '@/parts/empty';
import { AccountName } from '@/parts/names';
import { Page } from '@/parts/page';
import { ProblemNote } from '@/parts/problem';
import { RecordTable } from '@/parts/record_table';
import { CallSnippet } from '@/parts/snippet';
import { When } from '@/parts/when';
import { useSession } from '@/session';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Card, Figure } from '@/ui/card';
import { Skeleton } from '@/ui/skeleton';
import { BalanceCard } from './balance_card';
import { KeysCard } from './keys_card';
import { LimitsCard } from './limits_card';

function Suspend({ account }: { account: AccountData }) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const path = { params: { path: { id: account.id } } };
  const active = account.status === 'active';
  const turn = async () => {
    await data(
      active ? api.POST('/api/v1/accounts/{id}/suspend', path) : api.POST('/api/v1/accounts/{id}/activate', path),
    );
    await queries.invalidateQueries({ queryKey: ['accounts'] });
    await queries.invalidateQueries({ queryKey: ['account'] });
  };
  return (
    <>
      <Button look={active ? 'danger' : 'primary'} onClick={() => setAsking(true)}>
        {active ? 'Suspend' : 'Activate'}
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={active ? `Suspend ${account.name}?` : `Activate ${account.name}?`}
        description={
          active
            ? 'Its keys, and those of all accounts below it, are refused from the next request on. It can be undone.'
            : 'Its keys, and those of the accounts below it, work again from the next request on.'
        }
        verb={active ? 'Suspend it' : 'Activate it'}
        act={turn}
      />
    </>
  );
}

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

function Usage({ id }: { id: string }) {
  const total = useUsage('total', { account: id }, true).data?.[0];
  const models = useUsage('model', { account: id }, true).data ?? [];
  const recent = useRecords({ account: id, limit: 10 }, true);
  const records = recent.data?.data ?? [];
  if (recent.data && records.length === 0)
    return (
      <Card title="Usage" note="Of this account's own keys.">
        <Empty title="Nothing was called yet">
          <p className="mb-3">Point a client at the proxy with one of its keys.</p>
        </Empty>
        <div className="mt-4">
          <CallSnippet />
        </div>
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
  // What is set for the caller's own account is set by those above it.
  const mayChange = may(session, 'operator');
  const own = session.account === found.id;
  return (
    <Page
      title={found.name}
      note={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          {found.status === 'active' ? <Badge look="good">active</Badge> : <Badge look="bad">suspended</Badge>}
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
      actions={mayChange && !own && <Suspend account={found} />}
    >
      <div className="space-y-4">
        <div className="grid items-start gap-4 lg:grid-cols-2">
          <div className="grid gap-4">
            <LimitsCard account={found.id} mayChange={mayChange && !own} />
            {found.credit_only && <BalanceCard account={found.id} mayChange={mayChange && session.account === null} />}
          </div>
          <KeysCard account={found.id} mayChange={mayChange} />
        </div>
        <Below id={found.id} />
        <Usage id={found.id} />
      </div>
    </Page>
  );
}
