import { useSearchParams } from 'react-router';
import type { Grouping, UsageFilter } from '@/api/queries';
import { lastUtcDays } from '@/lib/time';
import { filterOf } from '@/parts/usage_filter';

export interface Sort {
  column: string;
  down: boolean;
}

/** `-cost` is the largest cost first. */
function readSort(text: string | null): Sort | null {
  return text ? { column: text.replace(/^-/, ''), down: text.startsWith('-') } : null;
}

/** What the address says: the same address shows the same table. */
export function useChoice() {
  const [search, setSearch] = useSearchParams();
  const by = search.get('by') ?? 'account';
  const tag = search.get('by_tag') ?? '';
  const typed = filterOf(search);
  // Times that somebody typed take the place of the choice of days.
  const days = typed.from || typed.to ? 'typed' : (search.get('days') ?? '30');
  const from = days === 'typed' ? typed.from : days === 'all' ? undefined : lastUtcDays(Number(days) || 30)[0];
  const filter: UsageFilter = { ...typed, from };

  const change = (values: Record<string, string | null>) => {
    const next = new URLSearchParams(search);
    for (const [name, value] of Object.entries(values))
      if (value === null) next.delete(name);
      else next.set(name, value);
    setSearch(next, { replace: true });
  };
  return {
    by,
    tag,
    days,
    filter,
    group: (by === 'tag' ? `tag:${tag}` : by) as Grouping,
    sort: readSort(search.get('sort')),
    name: search.get('name') ?? '',
    choose: (name: 'by' | 'by_tag' | 'name', value: string) => change({ [name]: value || null }),
    chooseDays: (value: string) => change({ days: value, from: null, to: null }),
    chooseSort: (sort: Sort | null) => change({ sort: sort && `${sort.down ? '-' : ''}${sort.column}` }),
  };
}

export type Choice = ReturnType<typeof useChoice>;
