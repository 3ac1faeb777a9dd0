// What several pages ask for.
import { useQuery } from '@tanstack/react-query';
import { api, data } from './client';
import { useLive } from './live';

/** What a page that shows the present asks again after; not while nobody looks at it. */
export const refreshMs = 2000;

export type Grouping =
  'total' | 'account' | 'key' | 'model' | 'day' | 'upstream' | 'route' | 'reason' | `tag:${string}`;

export interface UsageFilter {
  account?: string | undefined;
  key?: string | undefined;
  model?: string | undefined;
  /** Such as `team=search`. */
  tag?: string | undefined;
  /** A time, or a date, which means its midnight in UTC. */
  from?: string | undefined;
  to?: string | undefined;
}

export function useUsage(group: Grouping, filter: UsageFilter = {}, live = false) {
  useLive(live);
  return useQuery({
    queryKey: ['usage', group, filter],
    queryFn: () => data(api.GET('/api/v1/usage', { params: { query: { group, ...filter } } })),
    select: (answer) => answer.data,
    placeholderData: (before) => before,
  });
}

/** How long admitted calls took. */
export function useLatency(group: 'total' | 'model' | 'upstream' | 'route', filter: UsageFilter = {}) {
  useLive(true);
  return useQuery({
    queryKey: ['latency', group, filter],
    queryFn: () => data(api.GET('/api/v1/usage/latency', { params: { query: { group, ...filter } } })),
    select: (answer) => answer.data,
    placeholderData: (before) => before,
  });
}

/** With their five numbers; at most 1000, the newest first. */
export function useLimits(of: { account?: string; key?: string } = {}) {
  return useQuery({
    queryKey: ['limits', of],
    queryFn: () => data(api.GET('/api/v1/limits', { params: { query: { limit: 1000, ...of } } })),
    select: (answer) => answer.data,
    refetchInterval: refreshMs,
  });
}

export function useRecords(filter: UsageFilter & { limit: number; cursor?: string | undefined }, live = false) {
  useLive(live);
  return useQuery({
    queryKey: ['records', filter],
    queryFn: () => data(api.GET('/api/v1/usage/records', { params: { query: filter } })),
    placeholderData: (before) => before,
  });
}

/** What a reader may know of the gateway's configuration. */
export function useSettings() {
  return useQuery({ queryKey: ['settings'], queryFn: () => data(api.GET('/api/v1/settings')) });
}

/** Requests from before it may have been dropped for their age; null: all are kept. */
export function useKeptFrom() {
  return useQuery({
    queryKey: ['settings'],
    queryFn: () => data(api.GET('/api/v1/settings')),
    select: (settings) => settings.usage_kept_from,
  });
}

/** The price books that an account may choose, `default` among them. */
export function useBooks() {
  return useQuery({
    queryKey: ['settings'],
    queryFn: () => data(api.GET('/api/v1/settings')),
    select: (settings) => settings.books.map((book) => book.name),
  });
}
