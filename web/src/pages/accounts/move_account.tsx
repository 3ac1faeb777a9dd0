import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type Account, api, data } from '@/api/client';
import { useAccount, useAccounts } from '@/api/names';
import { useRested } from '@/lib/rested';
import { Form, textsOf } from '@/parts/form';
import { ProblemNote } from '@/parts/problem';
import { Dialog } from '@/ui/dialog';
import { Input } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';
import { useChange } from './change';
import { isWithin } from './tree';

const atTheTop = 'none';
const shownAtOnce = 20;

function Place({ value, name, note, here }: { value: string; name: string; note?: string | null; here: boolean }) {
  return (
    <label className="flex items-center gap-2 rounded-md px-2 py-1.5 text-sm has-checked:bg-accent-soft">
      <input type="radio" name="parent" value={value} required disabled={here} className="size-4 accent-accent" />
      <span className="min-w-0 truncate">{name}</span>
      {note && <span className="min-w-0 truncate text-xs text-muted">{note}</span>}
      {here && <span className="ml-auto text-xs whitespace-nowrap text-muted">it is there now</span>}
    </label>
  );
}

function Found({ account, search }: { account: Account; search: string }) {
  const all = useAccounts().data ?? [];
  const found = useQuery({
    queryKey: ['accounts', 'search', search],
    queryFn: () => {
      const query = { limit: shownAtOnce, ...(search ? { search } : {}) };
      return data(api.GET('/api/v1/accounts', { params: { query } }));
    },
    placeholderData: (before) => before,
  });
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton />;
  const places = found.data.data.filter(({ id }) => id !== account.id && !isWithin(all, id, account.id));
  return (
    <>
      {places.map(({ id, name, external_id }) => (
        <Place key={id} value={id} name={name} note={external_id} here={id === account.parent} />
      ))}
      {places.length === 0 && <p className="px-2 py-1.5 text-sm text-muted">No account is called like that.</p>}
      {found.data.next && <p className="px-2 py-1.5 text-xs text-muted">There are more: type more of the name.</p>}
    </>
  );
}

export function MoveAccount({ account, onClose }: { account: Account; onClose: () => void }) {
  const [search, setSearch] = useState('');
  const rested = useRested(search.trim());
  const above = useAccount(account.parent ?? '');
  const moving = useChange(account, (form) => ({ parent: textsOf(form)('parent') }), onClose);
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Move ${account.name}`}
      description={
        `It goes with all below it, with its keys, its balance and its history. What was spent stays counted where ` +
        `it was${above ? `, on ${above.name}` : ''}; later calls count at the new place.`
      }
    >
      <Form sending={moving} verb="Move it">
        <Input
          label="Search"
          type="search"
          placeholder="Name or your own id"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          // Enter moves nothing while somebody looks for the place.
          onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
        />
        <fieldset>
          <legend className="mb-1 text-sm font-medium">Below</legend>
          <div className="max-h-64 overflow-y-auto rounded-lg border border-line p-1">
            <Place value={atTheTop} name="No other: at the top" here={account.parent === null} />
            <Found account={account} search={rested} />
          </div>
        </fieldset>
      </Form>
    </Dialog>
  );
}
