import {
  createColumnHelper,
  createFilteredRowModel,
  createSortedRowModel,
  columnFilteringFeature,
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

const features = tableFeatures({
  rowSortingFeature,
  columnFilteringFeature,
  globalFilteringFeature,
  sortedRowModel: createSortedRowModel(),
  filteredRowModel: createFilteredRowModel(),
});
const column = createColumnHelper<typeof features, UsageSum>();

/** What a sum is of, in words: its name where it has one. */
export function nameOf(sum: UsageSum): string {
  return sum.name ?? sum.group ?? 'none';
}

const columns = column.columns([
  column.accessor(nameOf, {
    id: 'name',
    header: 'Name',
    sortFn: (a, b) => nameOf(a.original).localeCompare(nameOf(b.original)),
  }),
  column.accessor('requests', { header: 'Requests', sortFn: (a, b) => a.original.requests - b.original.requests }),
  column.accessor('refusals', { header: 'Refused', sortFn: (a, b) => a.original.refusals - b.original.refusals }),
  column.accessor('input_tokens', {
    header: 'Tokens in',
    sortFn: (a, b) => a.original.input_tokens - b.original.input_tokens,
  }),
  column.accessor('output_tokens', {
    header: 'Tokens out',
    sortFn: (a, b) => a.original.output_tokens - b.original.output_tokens,
  }),
  column.accessor('unknown_usage', {
    header: 'Without usage',
    sortFn: (a, b) => a.original.unknown_usage - b.original.unknown_usage,
  }),
  column.accessor('cost', { header: 'Cost', sortFn: (a, b) => compare(a.original.cost, b.original.cost) }),
]);

const icons = { asc: ArrowUp, desc: ArrowDown };
const said = { asc: 'ascending', desc: 'descending' } as const;

interface Props {
  sums: UsageSum[];
  search: string;
  link: (sum: UsageSum) => ReactNode;
}

/** Sums that can be sorted by each column; `search` leaves those whose name holds it. */
export function UsageTable({ sums, search, link }: Props) {
  const table = useTable({
    features,
    columns,
    data: sums,
    state: { globalFilter: search },
    globalFilterFn: (row, _, text: string) => nameOf(row.original).toLowerCase().includes(text.trim().toLowerCase()),
    getColumnCanGlobalFilter: (one) => one.id === 'name',
  });
  const rows = table.getRowModel().rows;
  return (
    <>
      <Table
        label="Usage"
        head={table.getFlatHeaders().map((header) => {
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
        })}
      >
        {rows.map(({ id, original: sum }) => (
          <tr key={id}>
            <Td className="max-w-64 truncate">{link(sum)}</Td>
            <Td className="text-right tabular-nums">{plain(sum.requests)}</Td>
            <Td className="text-right tabular-nums">{plain(sum.refusals)}</Td>
            <Td className="text-right tabular-nums">{plain(sum.input_tokens)}</Td>
            <Td className="text-right tabular-nums">{plain(sum.output_tokens)}</Td>
            <Td className="text-right tabular-nums">{plain(sum.unknown_usage)}</Td>
            <Td className="text-right font-medium tabular-nums" data-number="cost">
              {dollars(sum.cost)}
            </Td>
          </tr>
        ))}
      </Table>
      {rows.length === 0 && <p className="py-4 text-sm text-muted">Nothing is called like that.</p>}
    </>
  );
}
