import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Ellipsis, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { api, data, type LimitState, type Schemas } from '@/api/client';
import { useLimits } from '@/api/queries';
import { readAmount } from '@/lib/decimal';
import { Confirm } from '@/parts/confirm';
import { Empty } from '@/parts/empty';
import { LimitMeter } from '@/parts/meter';
import { errorOf, ProblemNote } from '@/parts/problem';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Dialog } from '@/ui/dialog';
import { Input } from '@/ui/field';
import { Menu, MenuItem } from '@/ui/menu';
import { Skeleton } from '@/ui/skeleton';
import { LimitFields, readLimit } from './limit_fields';

type Subject = { account: string } | { key: string };

export function NewLimit({
  of,
  open,
  onOpenChange,
}: {
  of: Subject;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const queries = useQueryClient();
  const creating = useMutation({
    mutationFn: (form: FormData) =>
      data(api.POST('/api/v1/limits', { body: { ...of, ...readLimit(form) } as Schemas['NewLimit'] })),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['limits'] });
      onOpenChange(false);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    creating.mutate(new FormData(event.currentTarget));
  };
  return (
    <Dialog
      open={open}
      onOpenChange={(now) => {
        creating.reset();
        onOpenChange(now);
      }}
      title="New limit"
      description="Never exceeded. It opens with what was spent in its window already."
    >
      <form onSubmit={submit} className="space-y-4">
        <LimitFields error={creating.error} />
        {creating.error && <ProblemNote error={creating.error} />}
        <div className="flex justify-end">
          <Button type="submit" look="primary" disabled={creating.isPending}>
            Create
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function EditAmount({ limit, onClose }: { limit: LimitState; onClose: () => void }) {
  const queries = useQueryClient();
  const editing = useMutation({
    mutationFn: (amount: string) =>
      data(api.PATCH('/api/v1/limits/{id}', { params: { path: { id: limit.id } }, body: { amount } })),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['limits'] });
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get('amount') ?? '');
    editing.mutate(readAmount(text) ?? text);
  };
  const wrong = errorOf(editing.error, 'amount');
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`Change ${limit.name}`}
      description="In force at once; what was spent stays."
    >
      <form onSubmit={submit} className="space-y-4">
        <Input
          label={`At most (${limit.unit})`}
          name="amount"
          inputMode="decimal"
          defaultValue={limit.amount}
          error={wrong}
        />
        {editing.error && !wrong && <ProblemNote error={editing.error} />}
        <div className="flex justify-end">
          <Button type="submit" look="primary" disabled={editing.isPending}>
            Change
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Item({ limit, mayChange }: { limit: LimitState; mayChange: boolean }) {
  const queries = useQueryClient();
  const [doing, setDoing] = useState<'edit' | 'remove' | null>(null);
  const remove = async () => {
    await api.DELETE('/api/v1/limits/{id}', { params: { path: { id: limit.id } } });
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
        {limit.from_template && <Badge>from a template</Badge>}
        {about.filter(Boolean).map((text) => (
          <Badge key={String(text)}>{text}</Badge>
        ))}
        {mayChange && !limit.from_template && (
          <div className="ml-auto">
            <Menu
              trigger={
                <Button look="quiet" size="small" aria-label={`Change ${limit.name}`}>
                  <Ellipsis />
                </Button>
              }
            >
              <MenuItem onSelect={() => setDoing('edit')}>Change the amount</MenuItem>
              <MenuItem danger onSelect={() => setDoing('remove')}>
                Remove
              </MenuItem>
            </Menu>
          </div>
        )}
      </div>
      <LimitMeter limit={limit} />
      {doing === 'edit' && <EditAmount limit={limit} onClose={() => setDoing(null)} />}
      <Confirm
        open={doing === 'remove'}
        onOpenChange={() => setDoing(null)}
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
      <NewLimit of={{ account }} open={creating} onOpenChange={setCreating} />
    </Card>
  );
}
