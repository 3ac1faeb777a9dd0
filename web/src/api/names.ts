// The accounts and keys by their ids, for tables that show ids.
import { useQuery } from '@tanstack/react-query';
import { type Account, api, data, type Key } from './client';

const page = 1000;
/** A tree of more is not drawn on one page. */
export const mostAccounts = 5 * page;

async function allAccounts(status?: Account['status']): Promise<Account[]> {
  const found: Account[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: page, ...(status ? { status } : {}), ...(cursor ? { cursor } : {}) };
    const answer = await data(api.GET('/api/v1/accounts', { params: { query } }));
    found.push(...answer.data);
    cursor = answer.next ?? undefined;
  } while (cursor && found.length < mostAccounts);
  return found;
}

/** The newest first, at most `mostAccounts`; without a status all but deleted ones. */
export function useAccounts(status?: Account['status']) {
  return useQuery({
    queryKey: status ? ['accounts', { status }] : ['accounts'],
    queryFn: () => allAccounts(status),
  });
}

/** Of an account the list above does not hold, too. */
export function useAccount(id: string) {
  const accounts = useAccounts();
  const listed = accounts.data?.find((account) => account.id === id);
  const single = useQuery({
    queryKey: ['accounts', id],
    queryFn: () => data(api.GET('/api/v1/accounts/{id}', { params: { path: { id } } })),
    enabled: accounts.isFetched && !listed && id !== '',
  });
  return listed ?? single.data;
}

async function newestKeys(): Promise<Key[]> {
  return (await data(api.GET('/api/v1/keys', { params: { query: { limit: page } } }))).data;
}

export function useKeys() {
  return useQuery({ queryKey: ['keys'], queryFn: newestKeys });
}

export function useKey(id: string) {
  const keys = useKeys();
  const listed = keys.data?.find((key) => key.id === id);
  const single = useQuery({
    queryKey: ['keys', id],
    queryFn: () => data(api.GET('/api/v1/keys/{id}', { params: { path: { id } } })),
    enabled: keys.isFetched && !listed && id !== '',
  });
  return listed ?? single.data;
}
