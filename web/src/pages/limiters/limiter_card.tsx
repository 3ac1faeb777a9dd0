import { useQueryClient } from '@tanstack/react-query';
import { ChartColumn, Pencil, Trash2 } from 'lucide-react';
import { useId, useState } from 'react';
import { api } from '@/api/client';
import { cn } from '@/lib/cn';
import { dollars, isZero, percent } from '@/lib/decimal';
import { inWords } from '@/lib/window';
import { Confirm } from '@/parts/confirm';
import { CopyButton } from '@/parts/copy_button';
import { Bar } from '@/parts/meter';
import { When } from '@/parts/when';
import { useSession } from '@/session';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { EditLimiter } from './edit_limiter';
import { type Limiter, useChange } from './queries';
import { StatsDialog } from './stats_dialog';

function Switch({ limiter, mayChange }: { limiter: Limiter; mayChange: boolean }) {
  const changing = useChange(limiter.id, (now: boolean) => ({ active: now }));
  const { active } = limiter;
  return (
    <button
      type="button"
      role="switch"
      aria-checked={active}
      aria-label={`${limiter.name} is active`}
      disabled={!mayChange || changing.isPending}
      onClick={() => changing.mutate(!active)}
      className={cn(
        'inline-flex h-6 w-11 shrink-0 items-center rounded-full border px-0.5 transition-colors',
        'disabled:opacity-60',
        active ? 'border-accent bg-accent' : 'border-strong-line bg-sunken',
      )}
    >
      <span
        className={cn(
          'size-4.5 rounded-full transition-transform',
          active ? 'translate-x-5 bg-card' : 'bg-muted',
        )}
      />
    </button>
  );
}

function Numbers({ limiter }: { limiter: Limiter }) {
  const five = { ...limiter, amount: limiter.budget };
  return (
    <div>
      <p className="mb-1.5 flex flex-wrap items-baseline justify-between gap-x-3 text-sm tabular-nums">
        <span>
          <span className="font-medium" data-number="spent">
            {dollars(limiter.spent)}
          </span>
          <span className="text-muted"> spent · {percent(limiter.spent, limiter.budget)}</span>
        </span>
        <span className="text-muted">{dollars(limiter.available)} left</span>
      </p>
      <Bar five={five} unit="usd" label={limiter.name} />
      <p className="mt-1.5 flex min-h-4 flex-wrap gap-x-3 text-xs text-muted">
        {!isZero(limiter.reserved) && <span>{dollars(limiter.reserved)} reserved</span>}
        {!isZero(limiter.unresolved) && <span>{dollars(limiter.unresolved)} unresolved</span>}
        {limiter.resets_at && (
          <span>
            begins anew <When at={limiter.resets_at} />
          </span>
        )}
      </p>
    </div>
  );
}

type Doing = 'stats' | 'edit' | 'delete';

interface ActionsProps {
  name: string;
  mayChange: boolean;
  begin: (doing: Doing) => void;
}

function Actions({ name, mayChange, begin }: ActionsProps) {
  return (
    <div className="mt-auto flex flex-wrap gap-2">
      <Button size="small" onClick={() => begin('stats')} aria-label={`Stats of ${name}`}>
        <ChartColumn />
        Stats
      </Button>
      {mayChange && (
        <>
          <Button size="small" onClick={() => begin('edit')} aria-label={`Change ${name}`}>
            <Pencil />
            Change
          </Button>
          <Button
            size="small"
            look="danger"
            onClick={() => begin('delete')}
            aria-label={`Delete ${name}`}
          >
            <Trash2 />
          </Button>
        </>
      )}
    </div>
  );
}

export function LimiterCard({ limiter }: { limiter: Limiter }) {
  const mayChange = useSession().role !== 'viewer';
  const queries = useQueryClient();
  const id = useId();
  const [doing, setDoing] = useState<Doing | null>(null);
  const remove = async () => {
    await api.DELETE('/api/v1/limiters/{id}', { params: { path: { id: limiter.id } } });
    await queries.invalidateQueries({ queryKey: ['limiters'] });
  };
  const close = () => setDoing(null);
  const goal = `to ${limiter.base_url}${limiter.models.length > 0 ? `, only ${limiter.models.join(', ')}` : ''}`;
  return (
    <section
      aria-labelledby={id}
      data-limiter={limiter.code}
      className="flex min-w-0 flex-col gap-4 rounded-xl border border-line bg-card p-4 sm:p-5"
    >
      <div className="flex items-start justify-between gap-3">
        <div className="min-w-0">
          <h2 id={id} className="font-semibold break-words">
            {limiter.name}
          </h2>
          <p className="mt-0.5 text-sm text-muted">
            {dollars(limiter.budget)} {inWords(limiter.window)}
          </p>
        </div>
        <div className="flex shrink-0 items-center gap-2">
          <Badge look={limiter.active ? 'good' : 'plain'}>{limiter.active ? 'Active' : 'Inactive'}</Badge>
          <Switch limiter={limiter} mayChange={mayChange} />
        </div>
      </div>
      <Numbers limiter={limiter} />
      <div className="flex min-w-0 items-center gap-2">
        <code className="min-w-0 flex-1 rounded-lg bg-sunken px-2 py-1.5 text-xs break-all">
          {limiter.endpoint}
        </code>
        <CopyButton text={limiter.endpoint} what={`the endpoint of ${limiter.name}`} />
      </div>
      <p className="-mt-2 truncate text-xs text-muted" title={goal}>
        {goal}
      </p>
      <Actions name={limiter.name} mayChange={mayChange} begin={setDoing} />
      {doing === 'stats' && <StatsDialog limiter={limiter} onClose={close} />}
      {doing === 'edit' && <EditLimiter limiter={limiter} onClose={close} />}
      <Confirm
        open={doing === 'delete'}
        onOpenChange={close}
        title={`Delete ${limiter.name}?`}
        description="Its endpoint answers 404 from the next call on, for ever. What it spent stays known."
        verb="Delete the limiter"
        act={remove}
      />
    </section>
  );
}
