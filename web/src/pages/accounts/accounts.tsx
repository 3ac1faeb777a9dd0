import { ChevronDown, ChevronRight, Plus } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import type { Account } from '@/api/client';
import { mostAccounts, useAccounts } from '@/api/names';
import { may } from '@/api/session';
import { showDay } from '@/lib/time';
import { Empty } from '@/parts/empty';
import { Page } from '@/parts/page';
import { ProblemNote } from '@/parts/problem';
import { useSession } from '@/session';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Input, Select } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';
import { Table, Td, Th } from '@/ui/table';
import { CreateCustomer } from './create_customer';
import { StatusBadge } from './status_badge';
import { type Row, rowsOf } from './tree';

const shownAtFirst = 200;
const statuses: readonly Account['status'][] = ['active', 'suspended', 'deleted'];

function AccountRow({ row, open, toggle }: { row: Row; open: boolean; toggle: () => void }) {
  const { account, depth, children } = row;
  return (
    <tr>
      <Td>
        <div className="flex items-center gap-1" style={{ paddingLeft: `${depth * 1.25}rem` }}>
          {children > 0 ? (
            <button
              type="button"
              onClick={toggle}
              aria-expanded={open}
              aria-label={`${children} below ${account.name}`}
              className="rounded p-0.5 text-muted hover:bg-sunken"
            >
              {open ? <ChevronDown className="size-4" /> : <ChevronRight className="size-4" />}
            </button>
          ) : (
            <span className="w-5" />
          )}
          <Link to={`/accounts/${account.id}`} className="font-medium hover:underline">
            {account.name}
          </Link>
          {children > 0 && <span className="text-xs text-muted">({children})</span>}
        </div>
      </Td>
      <Td className="text-muted">{account.external_id ?? '–'}</Td>
      <Td>
        <StatusBadge account={account} />
      </Td>
      <Td>{account.credit_only ? <Badge>prepaid</Badge> : <span className="text-muted">limits</span>}</Td>
      <Td className="whitespace-nowrap text-muted">{showDay(account.created)}</Td>
    </tr>
  );
}

function statusIn(address: URLSearchParams): Account['status'] | undefined {
  return statuses.find((one) => one === address.get('status'));
}

function Filter({ search, onSearch }: { search: string; onSearch: (search: string) => void }) {
  const [address, setAddress] = useSearchParams();
  return (
    <div className="mb-3 flex max-w-xl flex-wrap gap-3">
      <Input
        label="Search"
        type="search"
        placeholder="Name, your own id or id"
        value={search}
        onChange={(event) => onSearch(event.target.value)}
        className="min-w-60 flex-1"
      />
      <Select
        label="Status"
        value={statusIn(address) ?? ''}
        className="min-w-40 flex-1 sm:flex-none"
        onChange={({ target }) => setAddress(target.value ? { status: target.value } : {}, { replace: true })}
      >
        <option value="">all but deleted</option>
        {statuses.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </Select>
    </div>
  );
}

export function Accounts() {
  const session = useSession();
  const [address] = useSearchParams();
  const status = statusIn(address);
  const accounts = useAccounts(status);
  const [creating, setCreating] = useState(false);
  const [search, setSearch] = useState('');
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [all, setAll] = useState(false);

  const found = accounts.data;
  const rows = useMemo(() => {
    const open = new Set(found?.map((account) => account.id).filter((id) => !closed.has(id)));
    return rowsOf(found ?? [], open, search);
  }, [found, closed, search]);
  const toggle = (id: string) => {
    const next = new Set(closed);
    if (!next.delete(id)) next.add(id);
    setClosed(next);
  };
  const mayChange = may(session, 'operator');
  const create = mayChange && (
    <Button look="primary" onClick={() => setCreating(true)}>
      <Plus />
      New account
    </Button>
  );
  const shown = all ? rows : rows.slice(0, shownAtFirst);

  return (
    <Page title="Accounts" note="Who spends. A limit on an account holds for all below it." actions={create}>
      <section aria-label="Accounts" className="rounded-xl border border-line bg-card p-4 sm:p-5">
        {accounts.error && <ProblemNote error={accounts.error} retry={() => void accounts.refetch()} />}
        {accounts.isPending && <Skeleton rows={6} />}
        {found && found.length === 0 && !status && (
          <Empty title="There is no account yet">
            <p className="mb-3">Create one for your first customer, team or user, with its budget and its key.</p>
            {create}
            <p className="mt-3">
              <Link to="?status=deleted" className="underline">
                Those that are deleted
              </Link>
            </p>
          </Empty>
        )}
        {found && (found.length > 0 || status) && (
          <>
            <Filter search={search} onSearch={setSearch} />
            {found.length >= mostAccounts && (
              <p className="mb-2 text-sm text-muted">These are the newest {mostAccounts}; the API lists the others.</p>
            )}
            <Table
              label="Accounts"
              head={
                <>
                  <Th>Name</Th>
                  <Th>Your own id</Th>
                  <Th>Status</Th>
                  <Th>Pays by</Th>
                  <Th>Created</Th>
                </>
              }
            >
              {shown.map((row) => (
                <AccountRow
                  key={row.account.id}
                  row={row}
                  open={!closed.has(row.account.id)}
                  toggle={() => toggle(row.account.id)}
                />
              ))}
            </Table>
            {rows.length === 0 && (
              <p className="py-4 text-sm text-muted">
                {found.length === 0 ? `No account is ${status}.` : 'Nothing is called like that.'}
              </p>
            )}
            {shown.length < rows.length && (
              <Button className="mt-3" onClick={() => setAll(true)}>
                Show all {rows.length}
              </Button>
            )}
          </>
        )}
      </section>
      <CreateCustomer open={creating} onOpenChange={setCreating} />
    </Page>
  );
}
