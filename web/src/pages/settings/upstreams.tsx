import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, data, type Schemas } from '@/api/client';
import { Confirm } from '@/parts/confirm';
import { Empty } from '@/parts/empty';
import { errorOf, ProblemNote } from '@/parts/problem';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Dialog } from '@/ui/dialog';
import { Input } from '@/ui/field';
import { Skeleton } from '@/ui/skeleton';
import { Table, Td, Th } from '@/ui/table';

type Upstream = Schemas['Upstream'];

function SetSecret({ name, onClose }: { name: string; onClose: () => void }) {
  const queries = useQueryClient();
  const setting = useMutation({
    mutationFn: (secret: string) =>
      data(api.PUT('/api/v1/upstreams/{name}/secret', { params: { path: { name } }, body: { secret } })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['upstreams'] });
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setting.mutate(String(new FormData(event.currentTarget).get('secret') ?? '').trim());
  };
  const wrong = errorOf(setting.error, 'secret');
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={`The secret of ${name}`}
      description="Kept encrypted, and never shown again."
    >
      <form onSubmit={submit} className="space-y-4">
        <Input label="Secret" name="secret" type="password" autoComplete="off" required error={wrong} />
        {setting.error && !wrong && <ProblemNote error={setting.error} />}
        <div className="flex justify-end">
          <Button type="submit" look="primary" disabled={setting.isPending}>
            Store it
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

const sources: Record<Upstream['secret_source'], string> = {
  configuration: 'set by the configuration',
  store: 'stored here',
  none: 'none',
};

function Row({ upstream, mayChange }: { upstream: Upstream; mayChange: boolean }) {
  const { name, secret_source: source } = upstream;
  const queries = useQueryClient();
  const [doing, setDoing] = useState<'set' | 'remove' | null>(null);
  const remove = async () => {
    await api.DELETE('/api/v1/upstreams/{name}/secret', { params: { path: { name } } });
    await queries.invalidateQueries({ queryKey: ['upstreams'] });
  };
  return (
    <tr>
      <Td className="font-medium">{name}</Td>
      <Td>{upstream.provider}</Td>
      <Td className="text-muted">{upstream.base_url}</Td>
      <Td>
        <Badge look={source === 'none' ? 'warn' : 'good'}>{sources[source]}</Badge>
      </Td>
      {mayChange && (
        <Td>
          <div className="flex justify-end gap-2">
            {source !== 'configuration' && (
              <Button size="small" onClick={() => setDoing('set')} aria-label={`Set the secret of ${name}`}>
                {source === 'store' ? 'Replace' : 'Set'}
              </Button>
            )}
            {source === 'store' && (
              <Button
                size="small"
                look="danger"
                onClick={() => setDoing('remove')}
                aria-label={`Forget the secret of ${name}`}
              >
                Forget
              </Button>
            )}
          </div>
          {doing === 'set' && <SetSecret name={name} onClose={() => setDoing(null)} />}
          <Confirm
            open={doing === 'remove'}
            onOpenChange={() => setDoing(null)}
            title={`Forget the secret of ${name}?`}
            description="Calls that begin after it carry none, so the provider will refuse them."
            verb="Forget it"
            act={remove}
          />
        </Td>
      )}
    </tr>
  );
}

export function Upstreams({ mayChange }: { mayChange: boolean }) {
  const upstreams = useQuery({ queryKey: ['upstreams'], queryFn: () => data(api.GET('/api/v1/upstreams')) });
  const found = upstreams.data?.data;
  return (
    <Card title="Upstreams" note="Whom calls go to. The configuration declares them.">
      {upstreams.error && <ProblemNote error={upstreams.error} retry={() => void upstreams.refetch()} />}
      {upstreams.isPending && <Skeleton />}
      {found?.length === 0 && (
        <Empty title="No upstream is declared">
          Write one under <code>upstreams</code> in the configuration.
        </Empty>
      )}
      {found && found.length > 0 && (
        <Table
          label="Upstreams"
          head={
            <>
              <Th>Name</Th>
              <Th>Provider</Th>
              <Th>Address</Th>
              <Th>Secret</Th>
              {mayChange && <Th className="text-right">Change</Th>}
            </>
          }
        >
          {found.map((upstream) => (
            <Row key={upstream.name} upstream={upstream} mayChange={mayChange} />
          ))}
        </Table>
      )}
    </Card>
  );
}
