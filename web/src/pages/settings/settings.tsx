import { may } from '@/api/session';
import { chooseTheme, type Theme, useTheme } from '@/lib/theme';
import { AccountName } from '@/parts/names';
import { Page } from '@/parts/page';
import { When } from '@/parts/when';
import { useSession, useSessionState } from '@/session';
import { Button } from '@/ui/button';
import { Card } from '@/ui/card';
import { Select } from '@/ui/field';
import { Changes } from './changes';
import { Gateway } from './gateway';
import { Templates } from './templates';
import { Upstreams } from './upstreams';
import { Users } from './users';

function You() {
  const session = useSession();
  const { leave } = useSessionState();
  const theme = useTheme();
  return (
    <Card title="You" actions={<Button onClick={() => void leave()}>Log out</Button>}>
      <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-6 gap-y-2 text-sm">
        <dt className="text-muted">User</dt>
        <dd>{session.username}</dd>
        <dt className="text-muted">Role</dt>
        <dd>{session.role}</dd>
        <dt className="text-muted">Sees</dt>
        <dd>{session.account ? <AccountName id={session.account} /> : 'every account'}</dd>
        <dt className="text-muted">Logged in until</dt>
        <dd>
          <When at={session.expires} />
        </dd>
        <dt className="text-muted">Your time zone</dt>
        <dd>{Intl.DateTimeFormat().resolvedOptions().timeZone}</dd>
      </dl>
      <Select
        label="Colours"
        value={theme}
        onChange={(event) => chooseTheme(event.target.value as Theme)}
        className="mt-4 max-w-48"
      >
        <option value="light">Light</option>
        <option value="dark">Dark</option>
        <option value="system">As the system</option>
      </Select>
    </Card>
  );
}

export function Settings() {
  const session = useSession();
  const whole = session.account === null;
  return (
    <Page title="Settings">
      <div className="space-y-4">
        <You />
        <Gateway />
        {whole && <Templates mayChange={may(session, 'operator')} />}
        {whole && <Upstreams mayChange={may(session, 'admin')} />}
        {may(session, 'admin') && <Users />}
        {may(session, 'admin') && <Changes />}
      </div>
    </Page>
  );
}
