import { useQueryClient } from '@tanstack/react-query';
import { Ellipsis, Plus } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';
import { api, data, type LimitState } from '@/api/client';
import { useLimits } from '@/api/queries';
import { inUnit } from '@/lib/decimal';
import { Confirm } from '@/parts/confirm';
import { Empty } from '@/parts/empty';
import { LimitMeter } from '@/parts/meter';
import { ProblemNote } from '@/parts/problem';
import { percentagesOf } from '@/parts/threshold_fields';
import { When } from '@/parts/when';
import { useSession } from '@/session';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Menu, MenuItem } from '@/ui/menu';
import { Skeleton } from '@/ui/skeleton';
import { EditLimit, NewLimit, raiseOf, RaiseLimit } from './limit_dialogs';
import { EditTemplateOf } from './template_dialogs';

/** What is more to say of a limit than its numbers. */
function Terms({ limit }: { limit: LimitState }) {
  const raise = raiseOf(limit);
  const warns = percentagesOf(limit.thresholds, 'warn');
  const blocks = percentagesOf(limit.thresholds, 'block');
  return (
    <p className="mt-1.5 flex flex-wrap gap-x-3 text-xs text-muted empty:hidden">
      {raise && (
        <span>
          raised from {inUnit(raise.from, limit.unit)} until <When at={raise.until} />
        </span>
      )}
      {warns && <span>warns at {warns} %</span>}
      {blocks && <span>blocks at {blocks} %</span>}
    </p>
  );
}

/** Templates are for who sees all accounts. */
function FromTemplate() {
  const seesAll = useSession().account === null;
  const badge = <Badge>from a template</Badge>;
  return seesAll ? (
    <Link to="/settings" className="shrink-0 hover:underline">
      {badge}
    </Link>
  ) : (
    badge
  );
}

type Doing = 'edit' | 'raise' | 'end' | 'remove' | 'template';

/** What may be done: a copy of a template is changed and removed with it, by who sees all accounts. */
function Changes({ limit, begin }: { limit: LimitState; begin: (doing: Doing) => void }) {
  const seesAll = useSession().account === null;
  const copied = limit.from_template !== null;
  return (
    <div className="ml-auto">
      <Menu
        trigger={
          <Button look="quiet" size="small" aria-label={`Change ${limit.name}`}>
            <Ellipsis />
          </Button>
        }
      >
        {!copied && <MenuItem onSelect={() => begin('edit')}>Change</MenuItem>}
        {copied && seesAll && <MenuItem onSelect={() => begin('template')}>Change its template</MenuItem>}
        <MenuItem onSelect={() => begin('raise')}>Raise for a time</MenuItem>
        {raiseOf(limit) && <MenuItem onSelect={() => begin('end')}>End the raise</MenuItem>}
        {!copied && (
          <MenuItem danger onSelect={() => begin('remove')}>
            Remove
          </MenuItem>
        )}
      </Menu>
    </div>
  );
}

function Item({ limit, mayChange }: { limit: LimitState; mayChange: boolean }) {
  const queries = useQueryClient();
  const [doing, setDoing] = useState<Doing | null>(null);
  const close = () => setDoing(null);
  const path = { params: { path: { id: limit.id } } };
  const remove = async () => {
    await api.DELETE('/api/v1/limits/{id}', path);
    await queries.invalidateQueries({ queryKey: ['limits'] });
  };
  const endRaise = async () => {
    await data(api.DELETE('/api/v1/limits/{id}/raise', path));
    await queries.invalidateQueries({ queryKey: ['limits'] });
  };
  const about = [
    limit.model && `model ${limit.model}`,
    limit.route && `route ${limit.route}`,
    limit.tag && `tag ${limit.tag}`,
  ];
  return (
    <li>
      <div className="mb-1 flex items-center gap-2">
        <h3 className="min-w-0 truncate text-sm font-medium">{limit.name}</h3>
        {limit.mode === 'shadow' && <Badge>only counts</Badge>}
        {limit.admission === 'lazy' && <Badge>lazy</Badge>}
        {limit.from_template && <FromTemplate />}
        {about.filter(Boolean).map((text) => (
          <Badge key={String(text)}>{text}</Badge>
        ))}
        {mayChange && <Changes limit={limit} begin={setDoing} />}
      </div>
      <LimitMeter limit={limit} />
      <Terms limit={limit} />
      {doing === 'edit' && <EditLimit limit={limit} onClose={close} />}
      {doing === 'template' && limit.from_template && <EditTemplateOf id={limit.from_template} onClose={close} />}
      {doing === 'raise' && <RaiseLimit limit={limit} onClose={close} />}
      <Confirm
        open={doing === 'end'}
        onOpenChange={close}
        title={`End the raise of ${limit.name}?`}
        description="Its own amount holds again, from the next call on. What was spent stays."
        verb="End the raise"
        act={endRaise}
      />
      <Confirm
        open={doing === 'remove'}
        onOpenChange={close}
        title={`Remove ${limit.name}?`}
        description="Calls are not held to it any more, from the next one on. Its usage records stay."
        verb="Remove the limit"
        act={remove}
      />
    </li>
  );
}

export function LimitList({ limits, mayChange }: { limits: LimitState[]; mayChange: boolean }) {
  return (
    <ul className="space-y-5">
      {limits.map((limit) => (
        <Item key={limit.id} limit={limit} mayChange={mayChange} />
      ))}
    </ul>
  );
}

export function LimitsCard({ account, mayChange }: { account: string; mayChange: boolean }) {
  const limits = useLimits({ account });
  const [creating, setCreating] = useState(false);
  const create = mayChange && (
    <Button size="small" onClick={() => setCreating(true)}>
      <Plus />
      New limit
    </Button>
  );
  return (
    <Card title="Limits" note="On this account; those of accounts above hold, too." actions={create}>
      {limits.error && <ProblemNote error={limits.error} retry={() => void limits.refetch()} />}
      {limits.isPending && <Skeleton />}
      {limits.data?.length === 0 && (
        <Empty title="Nothing bounds this account itself">
          {mayChange && 'Put a limit on it, and no call makes it spend more.'}
        </Empty>
      )}
      {limits.data && limits.data.length > 0 && <LimitList limits={limits.data} mayChange={mayChange} />}
      {creating && <NewLimit of={{ account }} onClose={() => setCreating(false)} />}
    </Card>
  );
}
