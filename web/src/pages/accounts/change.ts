import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type Account, api, data, type Schemas } from '@/api/client';

/** What is made of accounts, and is asked for again when one of them has changed. */
export const madeOfAccounts = ['account', 'accounts', 'keys', 'limits', 'balance'];

/** Changes an account as `read` makes it of a form; where that is nothing, nothing is asked. */
export function useChange(account: Account, read: (form: FormData) => Schemas['AccountEdit'], onDone: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (form: FormData) => {
      const body = read(form);
      if (Object.keys(body).length === 0) return account;
      return data(api.PATCH('/api/v1/accounts/{id}', { params: { path: { id: account.id } }, body }));
    },
    onSuccess: async () => {
      await Promise.all(madeOfAccounts.map((name) => queries.invalidateQueries({ queryKey: [name] })));
      onDone();
    },
  });
}
