// Which usage is meant: the same fields on every page of it, and what they say stands in the address.
import { type FormEvent, type ReactNode, useId } from 'react';
import { useSearchParams } from 'react-router';
import { useAccounts, useKeys } from '@/api/names';
import { type UsageFilter, useUsage } from '@/api/queries';
import { Button } from '@/ui/button';
import { Input } from '@/ui/field';
import { errorOf } from './problem';

export const usageFilters = ['account', 'key', 'model', 'tag', 'from', 'to'] as const;
type Name = (typeof usageFilters)[number];
const times: readonly string[] = ['from', 'to'];

/** What the address says. */
export function filterOf(search: URLSearchParams): UsageFilter {
  return Object.fromEntries(usageFilters.map((name) => [name, search.get(name) || undefined]));
}

export function isFiltered(search: URLSearchParams): boolean {
  return usageFilters.some((name) => search.get(name));
}

/** What the API says of one of the fields, if it is that which it refused. */
export function filterError(error: unknown): string | undefined {
  return errorOf(error, ...usageFilters);
}

/** A moment as the browser's field has it: in the viewer's zone. */
function local(text: string | null): string {
  if (!text || Number.isNaN(Date.parse(text))) return '';
  const at = new Date(text);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The address with what the form says; what else the address says stays. */
function withForm(search: URLSearchParams, form: FormData): URLSearchParams {
  const next = new URLSearchParams(search);
  for (const name of usageFilters) {
    const text = String(form.get(name) ?? '').trim();
    if (!text) next.delete(name);
    // The browser's own time has no zone: it is the viewer's.
    else next.set(name, times.includes(name) ? new Date(text).toISOString() : text);
  }
  return next;
}

function Names({ id, names }: { id: string; names: (string | null)[] | undefined }) {
  return (
    <datalist id={id}>
      {names?.slice(0, 200).map((name) => name && <option key={name} value={name} />)}
    </datalist>
  );
}

interface Props {
  /** Of what was asked with the filter. */
  error: unknown;
  /** Called first with what was typed; true: it has gone elsewhere, and the address stays. */
  onSubmit?: (form: FormData) => boolean;
  children?: ReactNode;
}

export function UsageFilterForm({ error, onSubmit, children }: Props) {
  const [search, setSearch] = useSearchParams();
  const accounts = useAccounts();
  const keys = useKeys();
  const models = useUsage('model');
  const lists = useId();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    if (!onSubmit?.(form)) setSearch(withForm(search, form));
  };
  const field = (name: Name, list?: string) => ({
    name,
    error: errorOf(error, name),
    defaultValue: times.includes(name) ? local(search.get(name)) : (search.get(name) ?? ''),
    ...(list ? { list: `${lists}-${list}`, autoComplete: 'off' } : {}),
  });
  return (
    <form
      key={usageFilters.map((name) => search.get(name)).join()}
      onSubmit={submit}
      className="grid grid-cols-2 items-start gap-3 md:grid-cols-4"
    >
      <Input label="Account" placeholder="Name or id" {...field('account', 'accounts')} />
      <Input label="Key" placeholder="Name or id" {...field('key', 'keys')} />
      <Input label="Model" placeholder="Its whole name" {...field('model', 'models')} />
      <Input label="Tag" placeholder="team=search" {...field('tag')} />
      <Input label="From" type="datetime-local" {...field('from')} />
      <Input label="Until" type="datetime-local" {...field('to')} />
      {children}
      <div className="flex gap-2 self-end">
        <Button type="submit" look="primary">
          Filter
        </Button>
        {isFiltered(search) && <Button onClick={() => setSearch(withForm(search, new FormData()))}>All</Button>}
      </div>
      <Names id={`${lists}-accounts`} names={accounts.data?.map((account) => account.name)} />
      <Names id={`${lists}-keys`} names={keys.data?.map((key) => key.name)} />
      <Names id={`${lists}-models`} names={models.data?.map((model) => model.group)} />
    </form>
  );
}
