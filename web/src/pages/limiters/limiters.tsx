import { Plus } from 'lucide-react';
import { useState } from 'react';
import { Empty } from '@/parts/empty';
import { Page } from '@/parts/page';
import { ProblemNote } from '@/parts/problem';
import { useSession } from '@/session';
import { Button } from '@/ui/button';
import { Skeleton } from '@/ui/skeleton';
import { CreateLimiter } from './create_limiter';
import { LimiterCard } from './limiter_card';
import { mayDirect, useLimiters } from './queries';

export function Limiters() {
  const session = useSession();
  const limiters = useLimiters();
  const [creating, setCreating] = useState(false);
  const mayCreate = mayDirect(session);
  const create = mayCreate && (
    <Button look="primary" onClick={() => setCreating(true)}>
      <Plus />
      New limiter
    </Button>
  );
  return (
    <Page
      title="Limiters"
      note="Endpoints with a budget, for clients with provider keys of their own."
      actions={create}
    >
      {limiters.error && <ProblemNote error={limiters.error} retry={() => void limiters.refetch()} />}
      {limiters.isPending && <Skeleton />}
      {limiters.data?.length === 0 && (
        <Empty title="There is no limiter yet">
          {mayCreate
            ? 'Make one, and give its endpoint to whoever calls.'
            : 'An admin who sees all accounts makes them.'}
        </Empty>
      )}
      <div className="grid gap-4 sm:grid-cols-2 xl:grid-cols-3">
        {limiters.data?.map((limiter) => (
          <LimiterCard key={limiter.id} limiter={limiter} />
        ))}
      </div>
      {creating && <CreateLimiter onClose={() => setCreating(false)} />}
    </Page>
  );
}
