import { Link } from 'react-router';
import type { UsageRecord } from '@/api/client';
import { compare, dollars } from '@/lib/decimal';
import { showDuration } from '@/lib/time';
import { Badge, type Look } from '@/ui/badge';
import { Table, Td, Th } from '@/ui/table';
import { AccountName, KeyName } from './names';
import { When } from './when';

const looks: Record<UsageRecord['outcome'], Look> = {
  served: 'good',
  refused: 'warn',
  failed: 'bad',
  unaccounted: 'bad',
  corrected: 'plain',
  opened: 'plain',
  deferred: 'plain',
};

export function Outcome({ record }: { record: UsageRecord }) {
  return (
    <Badge look={looks[record.outcome]}>
      {record.outcome}
      {record.error ? `: ${record.error.replaceAll('_', ' ')}` : ''}
    </Badge>
  );
}

/** Some of what a call cost may be unknown yet; then its cost is what is known of it. */
export function isOpen(record: UsageRecord): boolean {
  return record.holds.some((hold) => hold.unresolved !== undefined && compare(hold.unresolved, '0') > 0);
}

function tokens(record: UsageRecord): string {
  const { input_tokens: input, output_tokens: output } = record.usage ?? {};
  const said = (count: number | null | undefined) => (count === null || count === undefined ? '–' : String(count));
  return record.usage ? `${said(input)} / ${said(output)}` : '–';
}

export function RecordTable({ records, label }: { records: UsageRecord[]; label: string }) {
  return (
    <Table
      label={label}
      head={
        <>
          <Th>Started</Th>
          <Th>Account</Th>
          <Th>Key</Th>
          <Th>Model</Th>
          <Th>Outcome</Th>
          <Th className="text-right">In / out</Th>
          <Th className="text-right">Took</Th>
          <Th className="text-right">Cost</Th>
        </>
      }
    >
      {records.map((record) => (
        <tr key={record.id} data-record={record.id}>
          <Td>
            <Link to={`/requests/${record.id}`} className="hover:underline">
              <When at={record.started} />
            </Link>
          </Td>
          <Td className="max-w-40 truncate">
            <AccountName id={record.account} />
          </Td>
          <Td className="max-w-32 truncate">
            <KeyName id={record.key} />
          </Td>
          <Td className="max-w-48 truncate">{record.model || '–'}</Td>
          <Td>
            <Outcome record={record} />
          </Td>
          <Td className="text-right whitespace-nowrap tabular-nums">{tokens(record)}</Td>
          <Td className="text-right whitespace-nowrap tabular-nums">{showDuration(record.duration_us)}</Td>
          <Td className="text-right whitespace-nowrap tabular-nums">
            {isOpen(record) && <span className="text-warn">at least </span>}
            <span data-number="cost">{dollars(record.cost)}</span>
          </Td>
        </tr>
      ))}
    </Table>
  );
}
