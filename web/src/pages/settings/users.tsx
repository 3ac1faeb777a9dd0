import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Ellipsis, Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { api, data, type Schemas } from '@/api/client';
import { waysIn } from '@/api/session';
import { Confirm } from '@/parts/confirm';
import { Empty } from '@/parts/empty';
import { AccountName } from '@/parts/names';
import { errorOf, ProblemNote } from '@/parts/problem';
import { When } from '@/parts/when';
import { useSession } from '@/session';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Dialog } from '@/ui/dialog';
import { Input, Select } from '@/ui/field';
import { Menu, MenuItem } from '@/ui/menu';
import { Skeleton } from '@/ui/skeleton';
import { Table, Td, Th } from '@/ui/table';

type User = Schemas['User'];

const most = 1000;
const change = (user: User, body: Schemas['UserEdit']) =>
  data(api.PATCH('/api/v1/users/{id}', { params: { path: { id: user.id } }, body }));

const roles = [
  ['viewer', 'viewer: sees'],
  ['operator', 'operator: changes accounts, keys, limits and balances'],
  ['admin', 'admin: changes users and secrets, too'],
] as const;

function Fields({ user, error }: { user?: User; error: unknown }) {
  const ways = useQuery({ queryKey: ['setup'], queryFn: waysIn });
  const provider = ways.data?.provider;
  const [login, setLogin] = useState(user?.login ?? 'password');
  const staysWithPassword = user?.login === 'password';
  return (
    <>
      <Select label="Role" name="role" defaultValue={user?.role ?? 'viewer'} error={errorOf(error, 'role')}>
        {roles.map(([role, name]) => (
          <option key={role} value={role}>
            {name}
          </option>
        ))}
      </Select>
      <Input
        label="Only this account"
        name="account"
        defaultValue={user?.account ?? ''}
        hint="Name or id: sees it and those below it, and no other. Empty: all. An admin sees all."
        error={errorOf(error, 'account')}
      />
      {provider && (
        <Select
          label="Logs in with"
          name="login"
          value={login}
          onChange={(event) => setLogin(event.currentTarget.value as User['login'])}
        >
          <option value="password">a password</option>
          <option value="oidc">{provider.label}</option>
        </Select>
      )}
      {login === 'password' && (
        <Input
          label={staysWithPassword ? 'New password' : 'Password'}
          name="password"
          type="password"
          autoComplete="new-password"
          required={!staysWithPassword}
          hint={
            staysWithPassword
              ? 'Empty: it stays. Another one ends all sessions of the user.'
              : 'At least 12 characters.'
          }
          error={errorOf(error, 'password')}
        />
      )}
    </>
  );
}

function Edit({ user, onClose }: { user?: User; onClose: () => void }) {
  const queries = useQueryClient();
  const saving = useMutation({
    mutationFn: (form: FormData) => {
      const text = (name: string) => String(form.get(name) ?? '').trim();
      const role = text('role') as User['role'];
      const password = String(form.get('password') ?? '');
      const oidc = text('login') === 'oidc';
      const login = password ? { password } : oidc && user?.login !== 'oidc' ? { login: 'oidc' as const } : {};
      if (user) return change(user, { role, account: text('account') || '*', ...login });
      const account = text('account');
      const body = { username: text('username'), role, ...login, ...(account ? { account } : {}) };
      return data(api.POST('/api/v1/users', { body }));
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['users'] });
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    saving.mutate(new FormData(event.currentTarget));
  };
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={user ? `Change ${user.username}` : 'New user'}
      description="Who logs in to these pages and to the admin API."
    >
      <form onSubmit={submit} className="space-y-4">
        {!user && (
          <Input
            label="User name"
            name="username"
            autoCapitalize="none"
            autoComplete="off"
            required
            error={errorOf(saving.error, 'username')}
          />
        )}
        <Fields error={saving.error} {...(user ? { user } : {})} />
        {saving.error && <ProblemNote error={saving.error} />}
        <div className="flex justify-end">
          <Button type="submit" look="primary" disabled={saving.isPending}>
            {user ? 'Change' : 'Create'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Row({ user }: { user: User }) {
  const session = useSession();
  const queries = useQueryClient();
  const [doing, setDoing] = useState<'edit' | 'turn' | 'remove' | null>(null);
  const active = user.status === 'active';
  const then = async (done: Promise<unknown>) => {
    await done;
    await queries.invalidateQueries({ queryKey: ['users'] });
  };
  return (
    <tr>
      <Td className="font-medium">
        {user.username}
        {user.username === session.username && <span className="ml-1 text-xs text-muted">(you)</span>}
      </Td>
      <Td>{user.role}</Td>
      <Td>{user.account ? <AccountName id={user.account} /> : 'every account'}</Td>
      <Td>{user.login === 'oidc' ? 'the provider' : 'a password'}</Td>
      <Td>{active ? <Badge look="good">active</Badge> : <Badge look="bad">disabled</Badge>}</Td>
      <Td className="text-muted">
        <When at={user.created} />
      </Td>
      <Td className="text-right">
        <Menu
          trigger={
            <Button look="quiet" size="small" aria-label={`Change ${user.username}`}>
              <Ellipsis />
            </Button>
          }
        >
          <MenuItem onSelect={() => setDoing('edit')}>Change</MenuItem>
          <MenuItem onSelect={() => setDoing('turn')}>{active ? 'Disable' : 'Enable'}</MenuItem>
          <MenuItem danger onSelect={() => setDoing('remove')}>
            Remove
          </MenuItem>
        </Menu>
        {doing === 'edit' && <Edit user={user} onClose={() => setDoing(null)} />}
        <Confirm
          open={doing === 'turn'}
          onOpenChange={() => setDoing(null)}
          title={active ? `Disable ${user.username}?` : `Enable ${user.username}?`}
          description={
            active ? 'All its sessions end, and it cannot log in. It can be undone.' : 'It can log in again.'
          }
          verb={active ? 'Disable' : 'Enable'}
          act={() => then(change(user, { status: active ? 'disabled' : 'active' }))}
        />
        <Confirm
          open={doing === 'remove'}
          onOpenChange={() => setDoing(null)}
          title={`Remove ${user.username}?`}
          description="All its sessions end. What it changed stays in the log."
          verb="Remove the user"
          act={() => then(api.DELETE('/api/v1/users/{id}', { params: { path: { id: user.id } } }))}
        />
      </Td>
    </tr>
  );
}

export function Users() {
  const [creating, setCreating] = useState(false);
  const users = useQuery({
    queryKey: ['users'],
    queryFn: () => data(api.GET('/api/v1/users', { params: { query: { limit: most } } })),
    select: (answer) => answer.data,
  });
  const create = (
    <Button size="small" onClick={() => setCreating(true)}>
      <Plus />
      New user
    </Button>
  );
  return (
    <Card title="Users" note="Who logs in here." actions={create}>
      {users.error && <ProblemNote error={users.error} retry={() => void users.refetch()} />}
      {users.isPending && <Skeleton />}
      {users.data?.length === 0 && <Empty title="There is no user yet">Who has an admin key can create one.</Empty>}
      {users.data && users.data.length > 0 && (
        <Table
          label="Users"
          head={
            <>
              <Th>Name</Th>
              <Th>Role</Th>
              <Th>Sees</Th>
              <Th>Logs in with</Th>
              <Th>Status</Th>
              <Th>Created</Th>
              <Th className="text-right">Change</Th>
            </>
          }
        >
          {users.data.map((user) => (
            <Row key={user.id} user={user} />
          ))}
        </Table>
      )}
      {creating && <Edit onClose={() => setCreating(false)} />}
    </Card>
  );
}
