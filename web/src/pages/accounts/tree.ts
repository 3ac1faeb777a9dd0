import type { Account } from '@/api/client';

export interface Row {
  account: Account;
  depth: number;
  children: number;
}

/** The accounts below each other, by name. `open`: whose children are shown; a search shows all that it finds. */
export function rowsOf(accounts: readonly Account[], open: ReadonlySet<string>, search: string): Row[] {
  const byId = new Map(accounts.map((account) => [account.id, account]));
  const below = new Map<string | null, Account[]>();
  for (const account of accounts) {
    // Who sees only a part sees no account above it: the part's top is a root here.
    const parent = account.parent && byId.has(account.parent) ? account.parent : null;
    below.set(parent, [...(below.get(parent) ?? []), account]);
  }
  for (const siblings of below.values()) siblings.sort((a, b) => a.name.localeCompare(b.name));

  const text = search.trim().toLowerCase();
  if (text)
    return accounts
      .filter(({ id, name, external_id }) =>
        [id, name, external_id ?? ''].some((part) => part.toLowerCase().includes(text)),
      )
      .map((account) => ({ account, depth: 0, children: below.get(account.id)?.length ?? 0 }));

  const rows: Row[] = [];
  const add = (account: Account, depth: number) => {
    const children = below.get(account.id) ?? [];
    rows.push({ account, depth, children: children.length });
    if (open.has(account.id)) children.forEach((child) => add(child, depth + 1));
  };
  below.get(null)?.forEach((account) => add(account, 0));
  return rows;
}

/** Whether an account is below another, at any depth, or is that one, as far as these accounts tell. */
export function isWithin(accounts: readonly Account[], id: string, top: string): boolean {
  const byId = new Map(accounts.map((account) => [account.id, account]));
  for (let at: string | null | undefined = id; at; at = byId.get(at)?.parent) if (at === top) return true;
  return false;
}
