import { Download } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { Link } from 'react-router';
import type { UsageSum } from '@/api/client';
import { type UsageFilter, useUsage } from '@/api/queries';
import { download, toCsv } from '@/lib/download';
import { Empty } from '@/parts/empty';
import { ProblemNote } from '@/parts/problem';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Input } from '@/ui/field';
import { Menu, MenuItem } from '@/ui/menu';
import { Skeleton } from '@/ui/skeleton';
import type { Choice } from './choice';
import { type Row, shownRows, UsageTable, useUsageTable } from './usage_table';

const columns = ['requests', 'refusals', 'input_tokens', 'output_tokens', 'unknown_usage', 'cost'] as const;

/** What the API sums by, how a title says it, and what is to be known of the sums. */
export const groups: { by: string; title: string; note: string; none?: string }[] = [
  { by: 'account', title: 'account', note: 'Of its own keys, not of the accounts below it.' },
  { by: 'key', title: 'key', note: 'A key that was revoked stays in it.' },
  { by: 'model', title: 'model', note: 'As calls asked for it.', none: 'no model' },
  { by: 'route', title: 'route', note: 'As the configuration calls it.', none: 'no route' },
  { by: 'upstream', title: 'upstream', note: 'The one that answered, or was tried last.', none: 'none was called' },
  {
    by: 'reason',
    title: 'reason of refusal or failure',
    note: 'What was refused or failed, by its error. Calls that were served are in none of these rows.',
  },
  { by: 'day', title: 'day', note: 'Days are those of UTC.' },
  { by: 'tag', title: 'tag', note: 'By its values; what has none is in one row.', none: 'without it' },
];

function labelOf(by: string, sum: UsageSum): string {
  if (sum.group === null || sum.group === '') return groups.find((group) => group.by === by)?.none ?? 'none';
  return by === 'reason' ? sum.group.replaceAll('_', ' ') : (sum.name ?? sum.group);
}

function nextDay(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString();
}

/** The log of what a row sums, where it can be asked for. */
function logOf(choice: Choice, group: string): UsageFilter | null {
  const { by, tag, filter } = choice;
  // The log's fields are moments: a date is its midnight in UTC.
  const from = filter.from && new Date(filter.from).toISOString();
  if (by === 'key' || by === 'model') return { ...filter, from, [by]: group };
  if (by === 'tag') return { ...filter, from, tag: `${tag}=${group}` };
  if (by === 'day') return { ...filter, from: `${group}T00:00:00.000Z`, to: nextDay(group) };
  return null;
}

function linkOf(choice: Choice, { sum, label }: Row): ReactNode {
  if (!sum.group) return label;
  const log = logOf(choice, sum.group);
  const told = Object.entries(log ?? {}).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const to = choice.by === 'account' ? `/accounts/${sum.group}` : log && `/requests?${new URLSearchParams(told)}`;
  if (!to) return label;
  return (
    <Link to={to} className="hover:underline">
      {label}
    </Link>
  );
}

/** What is shown, in its order, and no more. */
function Export({ name, rows }: { name: string; rows: Row[] }) {
  const csv = () => {
    const cells = rows.map(({ sum }) => [sum.group, sum.name ?? null, ...columns.map((column) => sum[column])]);
    download(`${name}.csv`, 'text/csv', toCsv([['group', 'name', ...columns], ...cells]));
  };
  const json = () => {
    const sums = rows.map(({ sum }) => sum);
    download(`${name}.json`, 'application/json', JSON.stringify(sums, null, 2));
  };
  return (
    <Menu
      trigger={
        <Button size="small" disabled={rows.length === 0}>
          <Download />
          Export
        </Button>
      }
    >
      <MenuItem onSelect={csv}>As CSV</MenuItem>
      <MenuItem onSelect={json}>As JSON</MenuItem>
    </Menu>
  );
}

export function UsageBy({ choice }: { choice: Choice }) {
  const { by, tag, group, filter } = choice;
  const usage = useUsage(group, filter, true);
  // Here first: the address follows a moment later.
  const [search, setSearch] = useState(choice.name);
  const [sort, setSort] = useState(choice.sort);
  const rows = useMemo(() => usage.data?.map((sum) => ({ sum, label: labelOf(by, sum) })) ?? [], [usage.data, by]);
  const table = useUsageTable({
    rows,
    search,
    sort,
    onSort: (now) => {
      setSort(now);
      choice.chooseSort(now);
    },
  });
  const about = groups.find((one) => one.by === by);
  const order = by === 'day' || sort ? '' : ' The largest cost first, until you sort it.';
  return (
    <Card
      title={`Usage by ${by === 'tag' ? `the tag ${tag}` : (about?.title ?? by)}`}
      note={`${about?.note ?? ''}${order}`}
      actions={<Export name={`metergate-usage-by-${group.replace(':', '-')}`} rows={shownRows(table)} />}
    >
      {usage.error && <ProblemNote error={usage.error} retry={() => void usage.refetch()} />}
      {usage.isPending && <Skeleton rows={6} />}
      {usage.data && rows.length === 0 && (
        <Empty title={by === 'reason' ? 'Nothing was refused or failed' : 'Nothing was used'}>
          A longer time, or another filter, may show more.
        </Empty>
      )}
      {rows.length > 0 && (
        <>
          <Input
            label="Search"
            type="search"
            value={search}
            onChange={(event) => {
              setSearch(event.target.value);
              choice.choose('name', event.target.value);
            }}
            className="mb-3 max-w-xs"
          />
          <UsageTable table={table} link={(row) => linkOf(choice, row)} />
        </>
      )}
    </Card>
  );
}
