import { useQuery } from '@tanstack/react-query';
import { CircleCheck, Circle } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Link } from 'react-router';
import { api, data } from '@/api/client';
import { useAccounts, useKeys } from '@/api/names';
import { may } from '@/api/session';
import { CreateCustomer } from '@/pages/accounts/create_customer';
import { CallSnippet } from '@/parts/snippet';
import { useSession } from '@/session';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';

interface StepProps {
  done: boolean;
  title: string;
  /** It can be done again. */
  again?: boolean;
  children: ReactNode;
}

function Step({ done, title, again = false, children }: StepProps) {
  const Icon = done ? CircleCheck : Circle;
  return (
    <li className="flex gap-3">
      <Icon className={done ? 'mt-0.5 size-5 shrink-0 text-good' : 'mt-0.5 size-5 shrink-0 text-muted'} aria-hidden />
      <div className="min-w-0 flex-1">
        <h3 className="font-medium">
          {title}
          <span className="sr-only">{done ? ' (done)' : ' (to do)'}</span>
        </h3>
        {(!done || again) && <div className="mt-1 text-sm text-muted">{children}</div>}
      </div>
    </li>
  );
}

/** What a new gateway lacks until its first call. It goes when that has come. */
export function FirstSteps() {
  const session = useSession();
  const [creating, setCreating] = useState(false);
  const whole = session.account === null;
  const upstreams = useQuery({
    queryKey: ['upstreams'],
    queryFn: () => data(api.GET('/api/v1/upstreams')),
    enabled: whole,
  });
  const hasSecret = upstreams.data?.data.some((upstream) => upstream.secret_source !== 'none') ?? false;
  const hasKey = useKeys().data?.some((key) => key.role === 'data' && key.status === 'active') ?? false;
  const hasAccount = (useAccounts().data?.length ?? 0) > 0;
  return (
    <Card title="To the first call" note="Three steps; this card goes when the first call has come.">
      <ol className="space-y-4">
        {whole && (
          <Step done={hasSecret} title="Give an upstream its secret">
            The provider's key, under{' '}
            <Link to="/settings" className="underline">
              Settings
            </Link>{' '}
            or in the configuration. An upstream that needs none, such as the built-in one, works without.
          </Step>
        )}
        <Step done={hasAccount && hasKey} again title="Create an account with a budget and a key">
          {may(session, 'operator') ? (
            <>
              <p>Or take the key that the server printed at its first start.</p>
              <Button look="primary" className="mt-2" onClick={() => setCreating(true)}>
                New account
              </Button>
            </>
          ) : (
            'An operator does this.'
          )}
        </Step>
        <Step done={false} title="Call the proxy with the key">
          <div className="mt-2">
            <CallSnippet />
          </div>
        </Step>
      </ol>
      <CreateCustomer open={creating} onOpenChange={setCreating} />
    </Card>
  );
}
