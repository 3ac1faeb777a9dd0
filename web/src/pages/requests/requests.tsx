import { useNavigate, useSearchParams } from 'react-router';
import { useKeptFrom, useRecords } from '@/api/queries';
import { Empty } from '@/parts/empty';
import { textsOf } from '@/parts/form';
import { Page } from '@/parts/page';
import { Pager, usePages } from '@/parts/pager';
import { ProblemNote } from '@/parts/problem';
import { RecordTable } from '@/parts/record_table';
import { CallSnippet } from '@/parts/snippet';
import { filterError, filterOf, isFiltered, UsageFilterForm } from '@/parts/usage_filter';
import { When } from '@/parts/when';
import { Input } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';

const pageSize = 50;

/** An id leads to its request at once: there is one. */
function Filter({ error }: { error: unknown }) {
  const navigate = useNavigate();
  const openById = (form: FormData) => {
    const id = textsOf(form)('id');
    if (id) void navigate(`/requests/${encodeURIComponent(id)}`);
    return id !== '';
  };
  return (
    <div className="mb-4">
      <UsageFilterForm error={error} onSubmit={openById}>
        <Input label="Request id" name="id" placeholder="Its X-Request-Id" autoComplete="off" />
      </UsageFilterForm>
    </div>
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
  const pages = usePages();
  const filter = { ...filterOf(search), limit: pageSize, cursor: pages.cursor };
  const records = useRecords(filter, pages.number === 1);
  const found = records.data;
  const unfiltered = !isFiltered(search);
  const refused = filterError(records.error) !== undefined;
  return (
    <>
      <Filter error={records.error} />
      {records.error && !refused && <ProblemNote error={records.error} retry={() => void records.refetch()} />}
      {records.isPending && <Skeleton rows={8} />}
      {found && found.data.length === 0 && pages.number === 1 && (
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
      {found && (found.data.length > 0 || pages.number > 1) && (
        <>
          <RecordTable records={found.data} label="Requests, newest first" />
          <Pager pages={pages} next={found.data.length < pageSize ? null : found.next}>
            {pages.number === 1 ? 'The newest, kept up to date' : `Page ${pages.number}`}
          </Pager>
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
