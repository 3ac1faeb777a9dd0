import { useQuery } from '@tanstack/react-query';
import { Ellipsis, Plus } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { api, data } from '@/api/client';
import { refreshMs } from '@/api/queries';
import { dollars, isZero } from '@/lib/decimal';
import { Empty } from '@/parts/empty';
import { Bar } from '@/parts/meter';
import { ProblemNote } from '@/parts/problem';
import { When } from '@/parts/when';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Menu, MenuItem } from '@/ui/menu';
import { Skeleton } from '@/ui/skeleton';
import { Table, Td, Th } from '@/ui/table';
import { DisputeGrant, type Grant, mayDispute, mayVoid, NewGrant, TakeFee, VoidGrant, wordsFor } from './money_dialogs';

type Doing = { what: 'grant' | 'fee' } | { what: 'void' | 'dispute'; grant: Grant };

function More({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Menu
      trigger={
        <Button look="quiet" size="small" aria-label={label}>
          <Ellipsis />
        </Button>
      }
    >
      {children}
    </Menu>
  );
}

/** From when and until when it is usable, where that is not always. */
function Usable({ grant }: { grant: Grant }) {
  return (
    <div className="text-xs text-muted empty:hidden">
      {grant.status === 'pending' && (
        <>
          from <When at={grant.effective} />{' '}
        </>
      )}
      {grant.expires && (
        <>
          until <When at={grant.expires} />
        </>
      )}
    </div>
  );
}

function GrantRow({ grant, begin }: { grant: Grant; begin?: ((what: 'void' | 'dispute') => void) | undefined }) {
  return (
    <tr data-grant={grant.id}>
      <Td>
        <span className="mr-2">{grant.kind}</span>
        <Badge look={grant.status === 'active' ? 'good' : grant.status === 'below_zero' ? 'bad' : 'plain'}>
          {grant.status.replaceAll('_', ' ')}
        </Badge>
        <Usable grant={grant} />
        <div className="text-xs break-words text-muted empty:hidden">{grant.note}</div>
      </Td>
      <Td className="text-right tabular-nums">{dollars(grant.granted)}</Td>
      <Td className="text-right tabular-nums">{dollars(grant.available)}</Td>
      {begin && (
        <Td className="text-right">
          {(mayVoid(grant) || mayDispute(grant)) && (
            <More label={`Change ${wordsFor(grant)}`}>
              {mayDispute(grant) && <MenuItem onSelect={() => begin('dispute')}>Dispute</MenuItem>}
              {mayVoid(grant) && (
                <MenuItem danger onSelect={() => begin('void')}>
                  Void
                </MenuItem>
              )}
            </More>
          )}
        </Td>
      )}
    </tr>
  );
}

function Grants({ grants, begin }: { grants: Grant[]; begin?: ((doing: Doing) => void) | undefined }) {
  if (grants.length === 0) return <Empty title="Nothing was ever paid in">Until then its calls are refused.</Empty>;
  return (
    <Table
      label="Grants, in the order in which they are drawn on"
      head={
        <>
          <Th>Grant</Th>
          <Th className="text-right">Granted</Th>
          <Th className="text-right">Left</Th>
          {begin && (
            <Th>
              <span className="sr-only">Change</span>
            </Th>
          )}
        </>
      }
    >
      {grants.map((grant) => (
        <GrantRow key={grant.id} grant={grant} begin={begin && ((what) => begin({ what, grant }))} />
      ))}
    </Table>
  );
}

export function BalanceCard({ account, mayChange }: { account: string; mayChange: boolean }) {
  const [doing, setDoing] = useState<Doing | null>(null);
  const close = () => setDoing(null);
  const balance = useQuery({
    queryKey: ['balance', account],
    queryFn: () => data(api.GET('/api/v1/accounts/{id}/balance', { params: { path: { id: account } } })),
    refetchInterval: refreshMs,
  });
  const found = balance.data;
  const actions = mayChange && (
    <>
      <Button size="small" onClick={() => setDoing({ what: 'grant' })}>
        <Plus />
        Put money in
      </Button>
      <More label="More of the balance">
        <MenuItem onSelect={() => setDoing({ what: 'fee' })}>Take a fee</MenuItem>
      </More>
    </>
  );
  return (
    <Card title="Balance" note="Prepaid: it spends from its grants only." actions={actions}>
      {balance.error && <ProblemNote error={balance.error} retry={() => void balance.refetch()} />}
      {balance.isPending && <Skeleton />}
      {found && (
        <>
          <p className="text-2xl font-semibold tabular-nums" data-number="available">
            {dollars(found.available)}
          </p>
          <p className="mb-2 text-sm text-muted">
            left of {dollars(found.amount)}
            {!isZero(found.owed) && <span className="text-bad"> · {dollars(found.owed)} owed</span>}
          </p>
          <Bar five={found} unit="usd" label="Balance" />
          <div className="mt-4">
            <Grants grants={found.grants} begin={mayChange ? setDoing : undefined} />
          </div>
        </>
      )}
      {doing?.what === 'grant' && <NewGrant account={account} onClose={close} />}
      {doing?.what === 'fee' && <TakeFee account={account} onClose={close} />}
      {doing?.what === 'void' && <VoidGrant grant={doing.grant} onClose={close} />}
      {doing?.what === 'dispute' && <DisputeGrant grant={doing.grant} onClose={close} />}
    </Card>
  );
}
