import { Download } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import type { UsageSum } from '@/api/client';
import { type Grouping, type UsageFilter, useUsage } from '@/api/queries';
import { dollars, plain } from '@/lib/decimal';
import { download, toCsv } from '@/lib/download';
import { lastUtcDays } from '@/lib/time';
import { BarList } from '@/parts/bar_list';
import { CostByDay } from '@/parts/cost_by_day';
import { Empty } from '@/parts/empty';
import { Page } from '@/parts/page';
import { ProblemNote } from '@/parts/problem';
import { Button } from '@/ui/button';
import { Card, Figure } from '@/ui/card';
import { Input, Select } from '@/ui/field';
import { Menu, MenuItem } from '@/ui/menu';
import { Skeleton } from '@/ui/skeleton';
import { nameOf, UsageTable } from './usage_table';

const groups: [string, string][] = [
  ['account', 'account'],
  ['key', 'key'],
  ['model', 'model'],
  ['day', 'day'],
  ['tag', 'tag'],
];
const times: [string, string][] = [
  ['1', 'Today'],
  ['7', '7 days'],
  ['30', '30 days'],
  ['90', '90 days'],
  ['all', 'All time'],
];
const columns = ['requests', 'refusals', 'input_tokens', 'output_tokens', 'unknown_usage', 'cost'] as const;

/** What the address says: the same address shows the same table. */
function useChoice() {
  const [search, setSearch] = useSearchParams();
  const by = search.get('by') ?? 'account';
  const tag = search.get('tag') ?? '';
  const days = search.get('days') ?? '30';
  const from = days === 'all' ? undefined : lastUtcDays(Number(days) || 30)[0];
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(search);
    next.set(name, value);
    setSearch(next, { replace: true });
  };
  const group = (by === 'tag' ? `tag:${tag}` : by) as Grouping;
  return { by, tag, days, from, group, set };
}

function Totals({ filter }: { filter: UsageFilter }) {
  const usage = useUsage('total', filter, true);
  const accounts = useUsage('account', filter, true);
  const total = usage.data?.[0];
  const said = (text: (sum: UsageSum) => string) => (total ? text(total) : usage.isPending ? '…' : '–');
  if (usage.error) return <ProblemNote error={usage.error} retry={() => void usage.refetch()} />;
  return (
    <div className="grid grid-cols-2 gap-4 lg:grid-cols-5">
      <Figure name="Cost" value={<span data-number="total-cost">{said((sum) => dollars(sum.cost))}</span>} />
      <Figure
        name="Requests"
        value={said((sum) => plain(sum.requests))}
        note={said((sum) => `${plain(sum.refusals)} refused`)}
      />
      <Figure name="Tokens in" value={said((sum) => plain(sum.input_tokens))} />
      <Figure name="Tokens out" value={said((sum) => plain(sum.output_tokens))} />
      <Figure name="Active accounts" value={accounts.data ? plain(accounts.data.length) : '…'} />
    </div>
  );
}

function linkOf(by: string, sum: UsageSum): ReactNode {
  if (by === 'account')
    return (
      <Link to={`/accounts/${sum.group}`} className="hover:underline">
        {nameOf(sum)}
      </Link>
    );
  if (by === 'key' || by === 'model')
    return (
      <Link to={`/requests?${new URLSearchParams({ [by]: sum.group ?? '' })}`} className="hover:underline">
        {nameOf(sum)}
      </Link>
    );
  return nameOf(sum);
}

function Export({ name, sums }: { name: string; sums: UsageSum[] }) {
  const csv = () => {
    const rows = sums.map((sum) => [sum.group, sum.name ?? null, ...columns.map((column) => sum[column])]);
    download(`${name}.csv`, 'text/csv', toCsv([['group', 'name', ...columns], ...rows]));
  };
  return (
    <Menu
      trigger={
        <Button size="small" disabled={sums.length === 0}>
          <Download />
          Export
        </Button>
      }
    >
      <MenuItem onSelect={csv}>As CSV</MenuItem>
      <MenuItem onSelect={() => download(`${name}.json`, 'application/json', JSON.stringify(sums, null, 2))}>
        As JSON
      </MenuItem>
    </Menu>
  );
}

function ByChoice({ by, group, filter }: { by: string; group: Grouping; filter: UsageFilter }) {
  const usage = useUsage(group, filter, true);
  const [search, setSearch] = useState('');
  const sums = usage.data ?? [];
  const name = `metergate-usage-by-${group.replace(':', '-')}`;
  return (
    <Card
      title={`Usage by ${by}`}
      note={by === 'day' ? 'Days are those of UTC.' : 'The largest cost first, until you sort it.'}
      actions={<Export name={name} sums={sums} />}
    >
      {usage.error && <ProblemNote error={usage.error} retry={() => void usage.refetch()} />}
      {usage.isPending && <Skeleton rows={6} />}
      {usage.data && sums.length === 0 && (
        <Empty title="Nothing was used in this time">A longer one may show more.</Empty>
      )}
      {sums.length > 0 && (
        <>
          <Input
            label="Search"
            type="search"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
            className="mb-3 max-w-xs"
          />
          <UsageTable sums={sums} search={search} link={(sum) => linkOf(by, sum)} />
        </>
      )}
    </Card>
  );
}

export function Statistics() {
  const { by, tag, days, from, group, set } = useChoice();
  const filter = { from };
  const models = useUsage('model', filter, true).data ?? [];
  const [typed, setTyped] = useState(tag);
  return (
    <Page
      title="Statistics"
      note="Sums of usage records."
      actions={
        <>
          <Select label="Time" value={days} onChange={(event) => set('days', event.target.value)} className="w-32">
            {times.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
          <Select label="By" value={by} onChange={(event) => set('by', event.target.value)} className="w-32">
            {groups.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
          {by === 'tag' && (
            <form
              onSubmit={(event) => {
                event.preventDefault();
                set('tag', typed.trim());
              }}
            >
              <Input
                label="Tag"
                placeholder="team"
                value={typed}
                onChange={(event) => setTyped(event.target.value)}
                onBlur={() => set('tag', typed.trim())}
                className="w-32"
              />
            </form>
          )}
        </>
      }
    >
      <div className="space-y-4">
        <Totals filter={filter} />
        {by === 'tag' && !tag ? (
          <Empty title="Which tag?">Type its name, such as team: its values are summed apart.</Empty>
        ) : (
          <ByChoice key={group} by={by === 'tag' ? `the tag ${tag}` : by} group={group} filter={filter} />
        )}
        <div className="grid items-start gap-4 lg:grid-cols-[2fr_1fr]">
          <CostByDay />
          <Card title="Cost by model" note="In the time chosen above.">
            {models.length === 0 ? (
              <Empty title="No model was called" />
            ) : (
              <BarList
                items={models.slice(0, 8).map((sum) => ({ id: String(sum.group), name: nameOf(sum), cost: sum.cost }))}
              />
            )}
          </Card>
        </div>
      </div>
    </Page>
  );
}
