import {
  columnFilteringFeature,
  createColumnHelper,
  createFilteredRowModel,
  createSortedRowModel,
  globalFilteringFeature,
  rowSortingFeature,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { ArrowDown, ArrowUp, ArrowUpDown } from 'lucide-react';
import type { ReactNode } from 'react';
import type { UsageSum } from '@/api/client';
import { compare, dollars, plain } from '@/lib/decimal';
import { Table, Td, Th } from '@/ui/table';
import type { Sort } from './choice';

/** A sum, and what it is of in words. */
export interface Row {
  sum: UsageSum;
  label: string;
}

const features = tableFeatures({
  rowSortingFeature,
  columnFilteringFeature,
  globalFilteringFeature,
  sortedRowModel: createSortedRowModel(),
  filteredRowModel: createFilteredRowModel(),
});
const column = createColumnHelper<typeof features, Row>();

function counted(name: 'requests' | 'refusals' | 'input_tokens' | 'output_tokens' | 'unknown_usage', header: string) {
  return column.accessor((row) => row.sum[name], {
    id: name,
    header,
    sortFn: (a, b) => a.original.sum[name] - b.original.sum[name],
  });
}

const columns = column.columns([
  column.accessor((row) => row.label, {
    id: 'name',
    header: 'Name',
    sortDescFirst: false,
    sortFn: (a, b) => a.original.label.localeCompare(b.original.label),
  }),
  counted('requests', 'Requests'),
  counted('refusals', 'Refused'),
  counted('input_tokens', 'Tokens in'),
  counted('output_tokens', 'Tokens out'),
  counted('unknown_usage', 'Without usage'),
  column.accessor((row) => row.sum.cost, {
    id: 'cost',
    header: 'Cost',
    sortDescFirst: true,
    sortFn: (a, b) => compare(a.original.sum.cost, b.original.sum.cost),
  }),
]);

const icons = { asc: ArrowUp, desc: ArrowDown };
const said = { asc: 'ascending', desc: 'descending' } as const;

interface Asked {
  rows: Row[];
  /** Leaves those whose name holds it. */
  search: string;
  sort: Sort | null;
  onSort: (sort: Sort | null) => void;
}

/** Sums that can be sorted by each column and searched by name. */
export function useUsageTable({ rows, search, sort, onSort }: Asked) {
  const sorting = sort ? [{ id: sort.column, desc: sort.down }] : [];
  return useTable({
    features,
    columns,
    data: rows,
    state: { globalFilter: search, sorting },
    onSortingChange: (change) => {
      const [now] = typeof change === 'function' ? change(sorting) : change;
      onSort(now ? { column: now.id, down: now.desc } : null);
    },
    globalFilterFn: (row, _, text: string) => row.original.label.toLowerCase().includes(text.trim().toLowerCase()),
    getColumnCanGlobalFilter: (one) => one.id === 'name',
  });
}

type UsageTableState = ReturnType<typeof useUsageTable>;

/** What the table shows, in its order. */
export function shownRows(table: UsageTableState): Row[] {
  return table.getRowModel().rows.map((row) => row.original);
}

function Head({ table }: { table: UsageTableState }) {
  return table.getFlatHeaders().map((header) => {
    const sorted = header.column.getIsSorted();
    const Icon = sorted ? icons[sorted] : ArrowUpDown;
    return (
      <Th
        key={header.id}
        aria-sort={sorted ? said[sorted] : 'none'}
        className={header.column.id === 'name' ? '' : 'text-right'}
      >
        <button
          type="button"
          onClick={header.column.getToggleSortingHandler()}
          className="inline-flex items-center gap-1 whitespace-nowrap hover:text-ink"
        >
          {String(header.column.columnDef.header)}
          <Icon className="size-3" aria-hidden />
        </button>
      </Th>
    );
  });
}

export function UsageTable({ table, link }: { table: UsageTableState; link: (row: Row) => ReactNode }) {
  const rows = shownRows(table);
  return (
    <>
      <Table label="Usage" head={<Head table={table} />}>
        {rows.map((row) => (
          <tr key={row.sum.group ?? ''} data-group={row.sum.group ?? ''}>
            <Td className="max-w-64 truncate">{link(row)}</Td>
            <Td className="text-right tabular-nums">{plain(row.sum.requests)}</Td>
            <Td className="text-right tabular-nums">{plain(row.sum.refusals)}</Td>
            <Td className="text-right tabular-nums">{plain(row.sum.input_tokens)}</Td>
            <Td className="text-right tabular-nums">{plain(row.sum.output_tokens)}</Td>
            <Td className="text-right tabular-nums">{plain(row.sum.unknown_usage)}</Td>
            <Td className="text-right font-medium tabular-nums" data-number="cost">
              {dollars(row.sum.cost)}
            </Td>
          </tr>
        ))}
      </Table>
      {rows.length === 0 && <p className="py-4 text-sm text-muted">Nothing is called like that.</p>}
    </>
  );
}
