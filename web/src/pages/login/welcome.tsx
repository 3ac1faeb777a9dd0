import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { setUp } from '@/api/session';
import { errorOf, ProblemNote } from '@/parts/problem';
import { useSessionState } from '@/session';
import { Button } from '@/ui/button';
import { Input } from '@/ui/field';
import { Shell } from './shell';

/** The first admin. The link's secret stands behind the '#', which no browser sends to a server by itself. */
export function Welcome() {
  const { enter } = useSessionState();
  const navigate = useNavigate();
  const [link] = useState(() => decodeURIComponent(window.location.hash.slice(1)));
  const [differs, setDiffers] = useState(false);
  const creating = useMutation({
    mutationFn: ({ name, password }: { name: string; password: string }) => setUp(link, name, password),
    onSuccess: async (session) => {
      enter(session);
      await navigate('/', { replace: true });
    },
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '');
    setDiffers(text('password') !== text('again'));
    if (text('password') === text('again')) creating.mutate({ name: text('username'), password: text('password') });
  };

  if (!link)
    return (
      <Shell
        title="The link is not whole"
        note="It ends with a # and a secret. Copy all of it from the server's output."
      >
        <Button asChild className="w-full">
          <Link to="/">To the login</Link>
        </Button>
      </Shell>
    );
  const nameError = errorOf(creating.error, 'username');
  const passwordError = errorOf(creating.error, 'password');
  return (
    <Shell title="Welcome" note="Choose how the first admin logs in. More users can be added under Settings later.">
      <form onSubmit={submit} className="space-y-4">
        <Input
          label="User name"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          required
          autoFocus
          error={nameError}
        />
        <Input
          label="Password"
          name="password"
          type="password"
          autoComplete="new-password"
          required
          minLength={12}
          hint="At least 12 characters."
          error={passwordError}
        />
        <Input
          label="Password again"
          name="again"
          type="password"
          autoComplete="new-password"
          required
          error={differs ? 'This is not the same password.' : undefined}
        />
        {creating.error && !nameError && !passwordError && <ProblemNote error={creating.error} />}
        <Button type="submit" look="primary" className="w-full" disabled={creating.isPending}>
          {creating.isPending ? 'Creating…' : 'Create the first admin'}
        </Button>
      </form>
    </Shell>
  );
}
