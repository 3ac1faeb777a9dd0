import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { api, data, newIdempotencyKey, type Schemas } from '@/api/client';
import { refreshMs } from '@/api/queries';
import { dollars, isZero, readAmount } from '@/lib/decimal';
import { Empty } from '@/parts/empty';
import { Form, textsOf } from '@/parts/form';
import { Bar } from '@/parts/meter';
import { errorOf, ProblemNote } from '@/parts/problem';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Dialog } from '@/ui/dialog';
import { Input, Select } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';
import { Table, Td, Th } from '@/ui/table';

function readGrant(form: FormData): Omit<Schemas['NewGrant'], 'account'> {
  const text = textsOf(form);
  return {
    amount: readAmount(text('amount')) ?? text('amount'),
    kind: text('kind') === 'paid' ? 'paid' : 'promotional',
    ...(text('expires') ? { expires: text('expires') } : {}),
    ...(text('note') ? { note: text('note') } : {}),
  };
}

function NewGrant({ account, onClose }: { account: string; onClose: () => void }) {
  const queries = useQueryClient();
  // One order however often it is sent: a second click pays in nothing more.
  const [order] = useState(newIdempotencyKey);
  const creating = useMutation({
    mutationFn: (form: FormData) => {
      const body = { account, ...readGrant(form) };
      return data(api.POST('/api/v1/credits', { params: { header: { 'Idempotency-Key': order } }, body }));
    },
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['balance'] });
      onClose();
    },
  });
  return (
    <Dialog open onOpenChange={onClose} title="Put money in" description="A grant of the balance, usable at once.">
      <Form sending={creating} verb="Put in" fields={['amount', 'expires']}>
        <div className="grid gap-3 sm:grid-cols-2">
          <Input
            label="Amount in US dollars"
            name="amount"
            inputMode="decimal"
            required
            error={errorOf(creating.error, 'amount')}
          />
          <Select label="Kind" name="kind">
            <option value="paid">paid</option>
            <option value="promotional">promotional: nobody paid for it</option>
          </Select>
          <Input
            label="Expires"
            name="expires"
            type="date"
            hint="Optional; midnight of UTC."
            error={errorOf(creating.error, 'expires')}
          />
          <Input label="Note" name="note" maxLength={200} hint="Optional, such as an invoice's number." />
        </div>
      </Form>
    </Dialog>
  );
}

export function BalanceCard({ account, mayChange }: { account: string; mayChange: boolean }) {
  const [granting, setGranting] = useState(false);
  const balance = useQuery({
    queryKey: ['balance', account],
    queryFn: () => data(api.GET('/api/v1/accounts/{id}/balance', { params: { path: { id: account } } })),
    refetchInterval: refreshMs,
  });
  const found = balance.data;
  const add = mayChange && (
    <Button size="small" onClick={() => setGranting(true)}>
      <Plus />
      Put money in
    </Button>
  );
  return (
    <Card title="Balance" note="Prepaid: it spends from its grants only." actions={add}>
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
            {found.grants.length === 0 ? (
              <Empty title="Nothing was ever paid in">Until then its calls are refused.</Empty>
            ) : (
              <Table
                label="Grants, in the order in which they are drawn on"
                head={
                  <>
                    <Th>Kind</Th>
                    <Th>Status</Th>
                    <Th className="text-right">Granted</Th>
                    <Th className="text-right">Left</Th>
                    <Th>Note</Th>
                  </>
                }
              >
                {found.grants.map((grant) => (
                  <tr key={grant.id}>
                    <Td>{grant.kind}</Td>
                    <Td>
                      <Badge look={grant.status === 'active' ? 'good' : 'plain'}>
                        {grant.status.replaceAll('_', ' ')}
                      </Badge>
                    </Td>
                    <Td className="text-right tabular-nums">{dollars(grant.granted)}</Td>
                    <Td className="text-right tabular-nums">{dollars(grant.available)}</Td>
                    <Td className="text-muted">{grant.note}</Td>
                  </tr>
                ))}
              </Table>
            )}
          </div>
        </>
      )}
      {granting && <NewGrant account={account} onClose={() => setGranting(false)} />}
    </Card>
  );
}
