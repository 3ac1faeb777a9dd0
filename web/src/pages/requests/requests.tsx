import { type FormEvent, useState } from 'react';
import { useSearchParams } from 'react-router';
import { useAccounts, useKeys } from '@/api/names';
import { useKeptFrom, useRecords } from '@/api/queries';
import { Empty } from '@/parts/empty';
import { Page } from '@/parts/page';
import { errorOf, ProblemNote } from '@/parts/problem';
import { RecordTable } from '@/parts/record_table';
import { CallSnippet } from '@/parts/snippet';
import { When } from '@/parts/when';
import { Button } from '@/ui/button';
import { Input } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';

const filters = ['account', 'key', 'model', 'from', 'to'] as const;
const pageSize = 50;

function Filter({ error }: { error: unknown }) {
  const [search, setSearch] = useSearchParams();
  const accounts = useAccounts();
  const keys = useKeys();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const next = new URLSearchParams();
    for (const name of filters) {
      const text = String(form.get(name) ?? '').trim();
      // The browser's own time has no zone: it is the viewer's.
      if (text) next.set(name, name === 'from' || name === 'to' ? new Date(text).toISOString() : text);
    }
    setSearch(next);
  };
  const local = (name: string) => {
    const text = search.get(name);
    if (!text || Number.isNaN(Date.parse(text))) return '';
    const at = new Date(text);
    return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  };
  return (
    <form
      key={search.toString()}
      onSubmit={submit}
      className="mb-4 grid grid-cols-2 items-start gap-3 md:grid-cols-3 xl:grid-cols-6"
    >
      <Input
        label="Account"
        name="account"
        list="of-accounts"
        defaultValue={search.get('account') ?? ''}
        placeholder="Name or id"
        error={errorOf(error, 'account')}
      />
      <Input
        label="Key"
        name="key"
        list="of-keys"
        defaultValue={search.get('key') ?? ''}
        placeholder="Name or id"
        error={errorOf(error, 'key')}
      />
      <Input label="Model" name="model" defaultValue={search.get('model') ?? ''} placeholder="Its whole name" />
      <Input
        label="From"
        name="from"
        type="datetime-local"
        defaultValue={local('from')}
        error={errorOf(error, 'from')}
      />
      <Input label="Until" name="to" type="datetime-local" defaultValue={local('to')} error={errorOf(error, 'to')} />
      <div className="flex gap-2 self-end">
        <Button type="submit" look="primary">
          Filter
        </Button>
        {search.size > 0 && <Button onClick={() => setSearch({})}>All</Button>}
      </div>
      <datalist id="of-accounts">
        {accounts.data?.slice(0, 200).map((account) => (
          <option key={account.id} value={account.name} />
        ))}
      </datalist>
      <datalist id="of-keys">
        {keys.data?.slice(0, 200).map((key) => (
          <option key={key.id} value={key.name} />
        ))}
      </datalist>
    </form>
  );
}

/** Where the list ends for what was dropped. */
function Dropped() {
  const keptFrom = useKeptFrom().data;
  if (!keptFrom) return null;
  return (
    <p className="mt-4 text-sm text-muted">
      Single requests from before <When at={keptFrom} /> are no longer kept; Statistics has what they add up to.
    </p>
  );
}

/** The list of one filter. */
function List({ search }: { search: URLSearchParams }) {
  // The cursors of the pages before the shown one, so that it can be turned back.
  const [cursors, setCursors] = useState<string[]>([]);
  const chosen = Object.fromEntries(filters.map((name) => [name, search.get(name) ?? undefined]));
  const records = useRecords({ ...chosen, limit: pageSize, cursor: cursors.at(-1) }, cursors.length === 0);
  const found = records.data;
  const unfiltered = filters.every((name) => !search.get(name));
  return (
    <>
      <Filter error={records.error} />
      {records.error && <ProblemNote error={records.error} retry={() => void records.refetch()} />}
      {records.isPending && <Skeleton rows={8} />}
      {found && found.data.length === 0 && cursors.length === 0 && (
        <>
          <Empty title={unfiltered ? 'Nothing was called yet' : 'Nothing like that was called'}>
            {unfiltered
              ? 'Create an account with a key, and point a client at the proxy:'
              : 'Another filter may find it.'}
          </Empty>
          {unfiltered && (
            <div className="mt-4">
              <CallSnippet />
            </div>
          )}
        </>
      )}
      {found && (found.data.length > 0 || cursors.length > 0) && (
        <>
          <RecordTable records={found.data} label="Requests, newest first" />
          <div className="mt-4 flex items-center justify-between gap-2">
            <Button disabled={cursors.length === 0} onClick={() => setCursors(cursors.slice(0, -1))}>
              Newer
            </Button>
            <span className="text-sm text-muted">
              {cursors.length === 0 ? 'The newest, kept up to date' : `Page ${cursors.length + 1}`}
            </span>
            <Button
              disabled={!found.next || found.data.length < pageSize}
              onClick={() => found.next && setCursors([...cursors, found.next])}
            >
              Older
            </Button>
          </div>
        </>
      )}
      {found && !found.next && <Dropped />}
    </>
  );
}

export function Requests() {
  const [search] = useSearchParams();
  return (
    <Page title="Requests" note="Every admitted or refused call ends in exactly one record.">
      <section aria-label="Requests" className="rounded-xl border border-line bg-card p-4 sm:p-5">
        <List key={search.toString()} search={search} />
      </section>
    </Page>
  );
}
