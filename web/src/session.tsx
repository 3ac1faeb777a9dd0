// Who is logged in, for every page below.
import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from 'react';
import { whenLoggedOut } from '@/api/client';
import { logOut, type Session, showSession } from '@/api/session';
import { ProblemNote } from '@/parts/problem';
import { Skeleton } from '@/ui/skeleton';

interface State {
  session: Session | null;
  /** The session ended by itself while pages were open. */
  ended: boolean;
  enter: (session: Session) => void;
  leave: () => Promise<void>;
}

const Context = createContext<State | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  const [ended, setEnded] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);

  const look = useCallback(() => {
    setProblem(null);
    showSession().then(setSession, setProblem);
  }, []);
  useEffect(look, [look]);
  useEffect(() => {
    whenLoggedOut(() => {
      setEnded(true);
      setSession(null);
    });
  }, []);

  const state = useMemo<State>(
    () => ({
      session: session ?? null,
      ended,
      enter: (entered) => {
        setEnded(false);
        queries.clear();
        setSession(entered);
      },
      leave: async () => {
        await logOut();
        queries.clear();
        setEnded(false);
        setSession(null);
      },
    }),
    [session, ended, queries],
  );

  if (problem !== null)
    return (
      <main className="mx-auto max-w-md p-6">
        <ProblemNote error={problem} retry={look} />
      </main>
    );
  if (session === undefined)
    return (
      <main className="mx-auto max-w-md p-6">
        <Skeleton />
      </main>
    );
  return <Context value={state}>{children}</Context>;
}

export function useSessionState(): State {
  const state = use(Context);
  if (!state) throw new Error('no SessionProvider above');
  return state;
}

/** Of a page that is shown only to who is logged in. */
export function useSession(): Session {
  const { session } = useSessionState();
  if (!session) throw new Error('nobody is logged in');
  return session;
}
