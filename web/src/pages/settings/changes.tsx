import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, data, type Schemas } from '@/api/client';
import { Empty } from '@/parts/empty';
import { Pager, usePages } from '@/parts/pager';
import { ProblemNote } from '@/parts/problem';
import { When } from '@/parts/when';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Dialog } from '@/ui/dialog';
import { Skeleton } from '@/ui/skeleton';
import { Table, Td, Th } from '@/ui/table';

type Change = Schemas['Change'];

const pageSize = 20;

function Json({ name, value }: { name: string; value: unknown }) {
  if (value === null || value === undefined) return null;
  return (
    <div>
      <h3 className="mb-1 text-sm font-medium">{name}</h3>
      <pre tabIndex={0} aria-label={name} className="overflow-x-auto rounded-lg bg-sunken p-3 font-mono text-xs">
        {JSON.stringify(value, null, 2)}
      </pre>
    </div>
  );
}

function Details({ change, onClose }: { change: Change; onClose: () => void }) {
  const { name, kind, address } = change.actor;
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={change.action}
      description={`By ${name ?? kind}${address ? ` from ${address}` : ''}.`}
      className="max-w-2xl"
    >
      <div className="space-y-4">
        <Json name="Asked for" value={change.asked} />
        <Json name="Before" value={change.before} />
        <Json name="After" value={change.after} />
      </div>
    </Dialog>
  );
}

function Status({ status }: { status: number | null }) {
  if (status === null) return <Badge look="warn">not ended</Badge>;
  return status < 400 ? <Badge look="good">done</Badge> : <Badge look="bad">refused: {status}</Badge>;
}

/** What was changed, by whom. */
export function Changes() {
  const pages = usePages();
  const [shown, setShown] = useState<Change | null>(null);
  const { cursor } = pages;
  const changes = useQuery({
    queryKey: ['changes', cursor],
    queryFn: () =>
      data(api.GET('/api/v1/audit', { params: { query: { limit: pageSize, ...(cursor ? { cursor } : {}) } } })),
    placeholderData: (before) => before,
  });
  const found = changes.data;
  return (
    <Card title="Changes" note="What was asked to be changed, by whom, with before and after.">
      {changes.error && <ProblemNote error={changes.error} retry={() => void changes.refetch()} />}
      {changes.isPending && <Skeleton />}
      {found?.data.length === 0 && <Empty title="Nothing was changed yet" />}
      {found && found.data.length > 0 && (
        <Table
          label="Changes"
          head={
            <>
              <Th>When</Th>
              <Th>Who</Th>
              <Th>What</Th>
              <Th>Outcome</Th>
              <Th className="text-right">Before and after</Th>
            </>
          }
        >
          {found.data.map((change) => (
            <tr key={change.id}>
              <Td>
                <When at={change.at} />
              </Td>
              <Td>{change.actor.name ?? change.actor.kind.replaceAll('_', ' ')}</Td>
              <Td className="whitespace-nowrap">
                <code className="text-xs">{change.action}</code>
              </Td>
              <Td>
                <Status status={change.status} />
              </Td>
              <Td className="text-right">
                <Button size="small" onClick={() => setShown(change)} aria-label={`Show ${change.action}`}>
                  Show
                </Button>
              </Td>
            </tr>
          ))}
        </Table>
      )}
      {found && <Pager pages={pages} next={found.next} />}
      {shown && <Details change={shown} onClose={() => setShown(null)} />}
    </Card>
  );
}
