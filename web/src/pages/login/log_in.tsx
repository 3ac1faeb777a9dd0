import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { type Credentials, logIn, waysIn } from '@/api/session';
import { ProblemNote } from '@/parts/problem';
import { useSessionState } from '@/session';
import { Button } from '@/ui/button';
import { Input } from '@/ui/field';
import { Shell } from './shell';
import { WithProvider } from './with_provider';

export function LogIn() {
  const { enter, ended } = useSessionState();
  const [byKey, setByKey] = useState(false);
  const ways = useQuery({ queryKey: ['setup'], queryFn: waysIn });
  const entering = useMutation({ mutationFn: logIn, onSuccess: enter });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '');
    const credentials: Credentials = byKey
      ? { admin_key: text('admin_key') }
      : { username: text('username'), password: text('password') };
    entering.mutate(credentials);
  };

  return (
    <Shell title="Log in" note={ended ? 'Your session has ended. Log in again to go on.' : 'To see who spends what.'}>
      {ways.data?.needed && (
        <p className="mb-4 rounded-lg bg-accent-soft px-3 py-2 text-sm">
          Nobody has an account here yet. Open the link with <code>/welcome</code> that the server printed when it first
          started, or log in with an admin key.
        </p>
      )}
      {ways.data?.provider && <WithProvider label={ways.data.provider.label} />}
      <form onSubmit={submit} className="space-y-4">
        {byKey ? (
          <Input key="key" label="Admin key" name="admin_key" type="password" autoComplete="off" required autoFocus />
        ) : (
          <>
            <Input label="User name" name="username" autoComplete="username" autoCapitalize="none" required autoFocus />
            <Input label="Password" name="password" type="password" autoComplete="current-password" required />
          </>
        )}
        {entering.error && <ProblemNote error={entering.error} />}
        <Button type="submit" look="primary" className="w-full" disabled={entering.isPending}>
          {entering.isPending ? 'Logging in…' : 'Log in'}
        </Button>
      </form>
      <Button
        look="quiet"
        className="mt-3 w-full"
        onClick={() => {
          entering.reset();
          setByKey(!byKey);
        }}
      >
        {byKey ? 'With a user name instead' : 'With an admin key instead'}
      </Button>
    </Shell>
  );
}
