import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link } from 'react-router';
import { api, data, type Unresolved as Item } from '@/api/client';
import { refreshMs } from '@/api/queries';
import { may } from '@/api/session';
import { dollars, readAmount } from '@/lib/decimal';
import { Empty } from '@/parts/empty';
import { AccountName } from '@/parts/names';
import { Page } from '@/parts/page';
import { Pager, usePages } from '@/parts/pager';
import { errorOf, ProblemNote } from '@/parts/problem';
import { When } from '@/parts/when';
import { useSession } from '@/session';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Input } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';
import { Table, Td, Th } from '@/ui/table';

const causes: Record<Item['cause'], string> = {
  crash: 'the process died with the call under way',
  no_usage: 'no reply said what was used',
  at_least: 'what was counted is booked; the provider may bill more',
  unaccounted: 'records that a crash lost',
  deferred: 'its work goes on after the reply',
};
const pageSize = 50;

type Verdict = 'settle' | 'release';

function Decide({ item, verdict, onClose }: { item: Item; verdict: Verdict; onClose: () => void }) {
  const queries = useQueryClient();
  const path = { path: { id: item.id } };
  const deciding = useMutation({
    mutationFn: ({ cost, reason }: { cost: string; reason: string }) =>
      verdict === 'settle'
        ? data(
            api.POST('/api/v1/unresolved/{id}/settle', { params: path, body: { cost, ...(reason ? { reason } : {}) } }),
          )
        : data(api.POST('/api/v1/unresolved/{id}/release', { params: path, body: { reason } })),
    onSuccess: async () => {
      await queries.invalidateQueries();
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const cost = String(form.get('cost') ?? '');
    deciding.mutate({ cost: readAmount(cost) ?? cost, reason: String(form.get('reason') ?? '').trim() });
  };
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={verdict === 'settle' ? 'Settle it' : 'Release it'}
      description={
        verdict === 'settle'
          ? 'Books what the call cost in all; the rest of what it held goes back. It cannot be undone.'
          : 'The provider bills nothing more: all that it held goes back. It cannot be undone.'
      }
    >
      <form onSubmit={submit} className="space-y-4">
        {verdict === 'settle' && (
          <Input
            label="What it cost in all, in US dollars"
            name="cost"
            inputMode="decimal"
            required
            hint={`At most ${dollars(item.estimate)} was expected; ${dollars(item.cost)} is booked.`}
            error={errorOf(deciding.error, 'cost')}
          />
        )}
        <Input
          label="Reason"
          name="reason"
          maxLength={500}
          required={verdict === 'release'}
          hint="Where the provider says so. It stays in the books."
          error={errorOf(deciding.error, 'reason')}
        />
        {deciding.error && <ProblemNote error={deciding.error} />}
        <div className="flex justify-end">
          <Button type="submit" look="primary" disabled={deciding.isPending}>
            {verdict === 'settle' ? 'Settle' : 'Release'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Row({ item, decide }: { item: Item; decide?: ((verdict: Verdict) => void) | undefined }) {
  return (
    <tr>
      <Td>
        <Link to={`/requests/${item.id}`} className="hover:underline">
          <When at={item.since} />
        </Link>
      </Td>
      <Td>{item.account ? <AccountName id={item.account} /> : '–'}</Td>
      <Td className="max-w-48 truncate">{item.model ?? '–'}</Td>
      <Td className="min-w-36">{causes[item.cause]}</Td>
      <Td className="text-right tabular-nums">{dollars(item.estimate)}</Td>
      <Td className="text-right tabular-nums">{dollars(item.cost)}</Td>
      <Td className="text-muted">{item.settles_at ? <When at={item.settles_at} /> : 'never by itself'}</Td>
      {decide && (
        <Td>
          <div className="flex justify-end gap-2">
            <Button size="small" onClick={() => decide('settle')}>
              Settle
            </Button>
            <Button size="small" onClick={() => decide('release')}>
              Release
            </Button>
          </div>
        </Td>
      )}
    </tr>
  );
}

export function Unresolved() {
  const session = useSession();
  const pages = usePages();
  const [deciding, setDeciding] = useState<{ item: Item; verdict: Verdict } | null>(null);
  const { cursor } = pages;
  const items = useQuery({
    queryKey: ['unresolved', cursor],
    queryFn: () =>
      data(api.GET('/api/v1/unresolved', { params: { query: { limit: pageSize, ...(cursor ? { cursor } : {}) } } })),
    refetchInterval: refreshMs,
  });
  const found = items.data;
  const mayDecide = may(session, 'operator');
  return (
    <Page
      title="Unresolved"
      note="Money that is held because a call's cost is not known. It is never given back silently."
    >
      <section aria-label="Unresolved" className="rounded-xl border border-line bg-card p-4 sm:p-5">
        {items.error && <ProblemNote error={items.error} retry={() => void items.refetch()} />}
        {items.isPending && <Skeleton rows={5} />}
        {found?.data.length === 0 && <Empty title="Nothing is unresolved">Every call's cost is known.</Empty>}
        {found && found.data.length > 0 && (
          <Table
            label="Unresolved"
            head={
              <>
                <Th>Since</Th>
                <Th>Account</Th>
                <Th>Model</Th>
                <Th>Why</Th>
                <Th className="text-right">Worst case</Th>
                <Th className="text-right">Booked</Th>
                <Th>Counts as spent</Th>
                {mayDecide && <Th className="text-right">Decide</Th>}
              </>
            }
          >
            {found.data.map((item) => (
              <Row
                key={item.id}
                item={item}
                decide={mayDecide ? (verdict) => setDeciding({ item, verdict }) : undefined}
              />
            ))}
          </Table>
        )}
        {found && <Pager pages={pages} next={found.next} />}
      </section>
      {deciding && <Decide {...deciding} onClose={() => setDeciding(null)} />}
    </Page>
  );
}
