import { useQuery } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { useSearchParams } from 'react-router';
import { api, data, type Schemas } from '@/api/client';
import { dollars, perMillion, plain } from '@/lib/decimal';
import { Empty } from '@/parts/empty';
import { Page } from '@/parts/page';
import { Pager, usePages } from '@/parts/pager';
import { ProblemNote } from '@/parts/problem';
import { When } from '@/parts/when';
import { Button } from '@/ui/button';
import { Input } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';
import { Table, Td, Th } from '@/ui/table';

type Price = Schemas['Price'];
const pageSize = 50;
const filters = ['search', 'provider', 'mode', 'book'] as const;
const shown = ['input_cost_per_token', 'cache_read_input_token_cost', 'output_cost_per_token'];

function PerMillion({ price }: { price: string | undefined }) {
  return <Td className="text-right tabular-nums">{price === undefined ? '–' : dollars(perMillion(price))}</Td>;
}

function words(key: string): string {
  return key.replaceAll('_', ' ');
}

/** What has no column of its own. */
function More({ model }: { model: Price }) {
  const others = Object.entries(model.prices).filter(([key]) => !shown.includes(key));
  const count = others.length + model.tiers.length + Object.keys(model.factors).length + model.later.length;
  if (count === 0) return <span className="text-muted">–</span>;
  return (
    <details>
      <summary className="cursor-pointer text-muted">{count} more</summary>
      <ul className="mt-1 space-y-0.5 text-xs">
        {others.map(([key, price]) => (
          <li key={key}>
            {words(key)}: <span className="tabular-nums">{dollars(price)}</span>
          </li>
        ))}
        {model.tiers.map((tier) => (
          <li key={`${tier.by}-${tier.above}`}>
            above {plain(tier.above)} {words(tier.by)}:{' '}
            {Object.entries(tier.prices)
              .map(([key, price]) => `${words(key)} ${dollars(price)}`)
              .join(', ')}
          </li>
        ))}
        {Object.entries(model.factors).map(([name, factor]) => (
          <li key={name}>
            {words(name)}: × {factor}
          </li>
        ))}
        {model.later.map((later) => (
          <li key={later.from}>
            from <When at={later.from} /> on:{' '}
            {Object.entries(later.prices)
              .map(([key, price]) => `${words(key)} ${dollars(price)}`)
              .join(', ')}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Filter({ books }: { books: Schemas['PriceBook'][] }) {
  const [search, setSearch] = useSearchParams();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const next = new URLSearchParams();
    for (const name of filters) {
      const text = String(form.get(name) ?? '').trim();
      if (text) next.set(name, text);
    }
    setSearch(next);
  };
  return (
    <form
      key={search.toString()}
      onSubmit={submit}
      className="mb-4 grid grid-cols-2 items-start gap-3 md:grid-cols-3 xl:grid-cols-5"
    >
      <Input label="Model" name="search" defaultValue={search.get('search') ?? ''} placeholder="Part of its name" />
      <Input label="Provider" name="provider" defaultValue={search.get('provider') ?? ''} placeholder="openai" />
      <Input label="Kind" name="mode" defaultValue={search.get('mode') ?? ''} placeholder="chat" />
      <Input label="Book" name="book" list="books" defaultValue={search.get('book') ?? ''} placeholder="default" />
      <div className="flex gap-2 self-end">
        <Button type="submit" look="primary">
          Filter
        </Button>
        {search.size > 0 && <Button onClick={() => setSearch({})}>All</Button>}
      </div>
      <datalist id="books">
        {books.map((book) => (
          <option key={book.name} value={book.name} />
        ))}
      </datalist>
    </form>
  );
}

function List({ search }: { search: URLSearchParams }) {
  const pages = usePages();
  const { cursor } = pages;
  const chosen = Object.fromEntries(filters.flatMap((name) => (search.get(name) ? [[name, search.get(name)]] : [])));
  const prices = useQuery({
    queryKey: ['prices', chosen, cursor],
    queryFn: () =>
      data(
        api.GET('/api/v1/prices', { params: { query: { ...chosen, limit: pageSize, ...(cursor ? { cursor } : {}) } } }),
      ),
    placeholderData: (before) => before,
  });
  const found = prices.data;
  return (
    <>
      <Filter books={found?.books ?? []} />
      {prices.error && <ProblemNote error={prices.error} retry={() => void prices.refetch()} />}
      {prices.isPending && <Skeleton rows={8} />}
      {found && (
        <p className="mb-3 text-sm text-muted">
          The book {found.book.name}, version <code data-version>{found.book.version}</code>. Dollars a million tokens.
        </p>
      )}
      {found?.data.length === 0 && <Empty title="The book has no such model">Names count as they are written.</Empty>}
      {found && found.data.length > 0 && (
        <Table
          label="Prices"
          head={
            <>
              <Th>Model</Th>
              <Th>Provider</Th>
              <Th>Kind</Th>
              <Th className="text-right">Input</Th>
              <Th className="text-right">Cached input</Th>
              <Th className="text-right">Output</Th>
              <Th className="text-right">Longest output</Th>
              <Th>Other prices</Th>
            </>
          }
        >
          {found.data.map((model) => (
            <tr key={model.model} data-model={model.model}>
              <Td className="break-all">
                {model.model}
                {!model.priced && <div className="text-xs text-warn">without a price</div>}
              </Td>
              <Td className="text-muted">{model.provider ?? 'any'}</Td>
              <Td className="text-muted">{model.mode ?? '–'}</Td>
              {shown.map((key) => (
                <PerMillion key={key} price={model.prices[key]} />
              ))}
              <Td className="text-right tabular-nums">
                {model.max_output_tokens === null ? '–' : plain(model.max_output_tokens)}
              </Td>
              <Td>
                <More model={model} />
              </Td>
            </tr>
          ))}
        </Table>
      )}
      {found && <Pager pages={pages} next={found.next} back="Back" further="Further" />}
    </>
  );
}

export function Prices() {
  const [search] = useSearchParams();
  return (
    <Page
      title="Prices"
      note="By which calls are priced. The configuration declares them; a model without one is refused."
    >
      <section aria-label="Prices" className="rounded-xl border border-line bg-card p-4 sm:p-5">
        <List key={search.toString()} search={search} />
      </section>
    </Page>
  );
}
