// Logging in with the OpenID provider: the way there, and what came of it.
import { useEffect, useState } from 'react';
import { providerLogin } from '@/api/session';
import { ProblemNote } from '@/parts/problem';
import { Button } from '@/ui/button';

const mark = '#login=';

const reasons: Record<string, string> = {
  forbidden: 'The provider knows you, but you may not come in here. Ask an admin of Metergate.',
  unauthorized: 'That login could not be finished. Begin it again in this browser.',
  conflict: 'You are the last admin, and your groups give you less. Ask whoever runs the server.',
  rate_limited: 'Too many logins have failed from here. Wait a while, then try again.',
  upstream_error: 'The provider does not answer as it should. The server’s log says what it said.',
  upstream_timeout: 'The provider does not answer. Try again, or log in with a password.',
};
const other = 'That login could not be finished. The server’s log says why.';

/** What the last login with the provider failed by; taken out of the address, so that it is told once. */
function useFailure(): string | null {
  const [failure] = useState(() => (location.hash.startsWith(mark) ? location.hash.slice(mark.length) : null));
  useEffect(() => {
    if (failure !== null) history.replaceState(history.state, '', location.pathname + location.search);
  }, [failure]);
  return failure;
}

export function WithProvider({ label }: { label: string }) {
  const failure = useFailure();
  return (
    <div className="mb-4 space-y-4 border-b border-line pb-4">
      {failure !== null && <ProblemNote error={reasons[failure] ?? other} />}
      <Button asChild className="w-full">
        <a href={providerLogin()}>Log in with {label}</a>
      </Button>
    </div>
  );
}
