import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { api, data } from '@/api/client';
import { refreshMs } from '@/api/queries';
import { dollars } from '@/lib/decimal';
import { Empty } from '@/parts/empty';
import { Pager, usePages } from '@/parts/pager';
import { ProblemNote } from '@/parts/problem';
import { When } from '@/parts/when';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Skeleton } from '@/ui/skeleton';
import { Table, Td, Th } from '@/ui/table';
import { moved, RefundCharge, type Transfer } from './money_dialogs';

const pageSize = 10;

const kinds: Record<Transfer['kind'], string> = {
  top_up: 'put in',
  charge: 'charge of a call',
  refund: 'given back of a call',
  fee: 'fee',
  void: 'taken back',
  dispute: 'disputed',
  expiry: 'expired',
  cover: 'covers what was owed',
};

/** `refund`: false where this one cannot be given back, and undefined where nobody here may do it. */
function Row({ transfer, refund }: { transfer: Transfer; refund: (() => void) | false | undefined }) {
  const call = transfer.subject && (transfer.kind === 'charge' || transfer.kind === 'refund');
  return (
    <tr data-transfer={transfer.id}>
      <Td>
        {call ? (
          <Link to={`/requests/${transfer.subject}`} className="hover:underline">
            {kinds[transfer.kind]}
          </Link>
        ) : (
          kinds[transfer.kind]
        )}
        <div className="flex flex-wrap gap-x-2 text-xs text-muted">
          <When at={transfer.at} />
          {transfer.note && <span className="min-w-0 break-words">{transfer.note}</span>}
        </div>
      </Td>
      <Td className="text-right tabular-nums" data-number="transferred">
        {dollars(moved(transfer))}
      </Td>
      {refund !== undefined && (
        <Td className="text-right">
          {refund && (
            <Button size="small" onClick={refund}>
              Give back
            </Button>
          )}
        </Td>
      )}
    </tr>
  );
}

/** What moved the balance, the newest first. */
export function TransfersCard({ account, mayChange }: { account: string; mayChange: boolean }) {
  const pages = usePages();
  const [refunding, setRefunding] = useState<Transfer | null>(null);
  const { cursor } = pages;
  const transfers = useQuery({
    queryKey: ['transfers', account, cursor],
    queryFn: () => {
      const query = { account, limit: pageSize, ...(cursor ? { cursor } : {}) };
      return data(api.GET('/api/v1/credits/transfers', { params: { query } }));
    },
    placeholderData: (before) => before,
    refetchInterval: refreshMs,
  });
  const found = transfers.data;
  return (
    <Card title="Transfers" note="What moved the balance, the newest first.">
      {transfers.error && <ProblemNote error={transfers.error} retry={() => void transfers.refetch()} />}
      {transfers.isPending && <Skeleton />}
      {found?.data.length === 0 && <Empty title="Nothing moved yet" />}
      {found && found.data.length > 0 && (
        <Table
          label="Transfers"
          head={
            <>
              <Th>What</Th>
              <Th className="text-right">Amount</Th>
              {mayChange && (
                <Th>
                  <span className="sr-only">Give back</span>
                </Th>
              )}
            </>
          }
        >
          {found.data.map((transfer) => (
            <Row
              key={transfer.id}
              transfer={transfer}
              refund={mayChange ? transfer.kind === 'charge' && (() => setRefunding(transfer)) : undefined}
            />
          ))}
        </Table>
      )}
      {found && <Pager pages={pages} next={found.next} />}
      {refunding && <RefundCharge charge={refunding} onClose={() => setRefunding(null)} />}
    </Card>
  );
}
