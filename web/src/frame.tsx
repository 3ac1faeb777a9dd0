// What stands around every page: the navigation, and who is logged in.
import {
  BookOpen,
  ChartColumn,
  CircleDollarSign,
  CircleHelp,
  Gauge,
  LogOut,
  Menu as MenuIcon,
  MoonStar,
  ScrollText,
  Settings as SettingsIcon,
  Split,
  Sun,
  SunMoon,
  UserRound,
  Users,
} from 'lucide-react';
import { Dialog } from 'radix-ui';
import { Suspense, useEffect, useState } from 'react';
import { Link, NavLink, Outlet, useLocation } from 'react-router';
import { cn } from '@/lib/cn';
import { chooseTheme, type Theme, useTheme } from '@/lib/theme';
import { LogIn } from '@/pages/login/log_in';
import { Button } from '@/ui/button';
import { Menu, MenuItem } from '@/ui/menu';
import { Skeleton } from '@/ui/skeleton';
import { useSession, useSessionState } from './session';

const places = [
  { to: '/', name: 'Overview', Icon: Gauge },
  { to: '/accounts', name: 'Accounts', Icon: Users },
  { to: '/limiters', name: 'Limiters', Icon: Split },
  { to: '/requests', name: 'Requests', Icon: ScrollText },
  { to: '/statistics', name: 'Statistics', Icon: ChartColumn },
  { to: '/prices', name: 'Prices', Icon: CircleDollarSign, whole: true },
  { to: '/unresolved', name: 'Unresolved', Icon: CircleHelp, whole: true },
  { to: '/settings', name: 'Settings', Icon: SettingsIcon },
  { to: '/docs', name: 'API', Icon: BookOpen },
];

function Brand() {
  return (
    <Link to="/" className="flex items-center gap-2 text-lg font-semibold tracking-tight">
      <img src="/icon.svg" alt="" className="size-7" />
      Metergate
    </Link>
  );
}

function Navigation({ onGo }: { onGo?: () => void }) {
  const session = useSession();
  const shown = places.filter((place) => !place.whole || session.account === null);
  return (
    <nav aria-label="Pages" className="flex flex-col gap-0.5">
      {shown.map(({ to, name, Icon }) => (
        <NavLink
          key={to}
          to={to}
          end={to === '/'}
          onClick={onGo}
          className={({ isActive }) =>
            cn(
              'flex items-center gap-3 rounded-lg px-3 py-2 text-sm',
              isActive ? 'bg-accent-soft font-medium text-ink' : 'text-muted hover:bg-sunken hover:text-ink',
            )
          }
        >
          <Icon className="size-4" aria-hidden />
          {name}
        </NavLink>
      ))}
    </nav>
  );
}

const themes: { theme: Theme; name: string; Icon: typeof Sun }[] = [
  { theme: 'light', name: 'Light', Icon: Sun },
  { theme: 'dark', name: 'Dark', Icon: MoonStar },
  { theme: 'system', name: 'As the system', Icon: SunMoon },
];

function Person() {
  const session = useSession();
  const { leave } = useSessionState();
  const theme = useTheme();
  return (
    <Menu
      trigger={
        <Button look="quiet" className="max-w-full justify-start px-3">
          <UserRound />
          <span className="truncate">{session.username}</span>
          <span className="text-xs text-muted">{session.role}</span>
        </Button>
      }
    >
      {themes.map(({ theme: one, name, Icon }) => (
        <MenuItem key={one} checked={theme === one} onSelect={() => chooseTheme(one)}>
          <Icon aria-hidden />
          {name}
        </MenuItem>
      ))}
      <MenuItem onSelect={() => void leave()}>
        <LogOut aria-hidden />
        Log out
      </MenuItem>
    </Menu>
  );
}

function PhoneNavigation() {
  const [open, setOpen] = useState(false);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger asChild>
        <Button look="quiet" size="square" aria-label="Pages">
          <MenuIcon />
        </Button>
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/50" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed inset-y-0 left-0 z-50 flex w-64 flex-col gap-6 border-r border-line bg-card p-4"
        >
          <Dialog.Title className="sr-only">Pages</Dialog.Title>
          <Brand />
          <Navigation onGo={() => setOpen(false)} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

export function Frame() {
  const { session } = useSessionState();
  const { pathname } = useLocation();
  useEffect(() => {
    window.scrollTo(0, 0);
  }, [pathname]);
  if (!session) return <LogIn />;
  return (
    <div className="lg:grid lg:min-h-dvh lg:grid-cols-[14rem_minmax(0,1fr)]">
      <a
        href="#content"
        className={cn(
          'sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-lg',
          'focus:bg-card focus:p-2',
        )}
      >
        To the content
      </a>
      <aside className="sticky top-0 hidden h-dvh flex-col gap-6 border-r border-line bg-card p-4 lg:flex">
        <div className="px-2">
          <Brand />
        </div>
        <Navigation />
        <div className="mt-auto">
          <Person />
        </div>
      </aside>
      <header className="sticky top-0 z-30 flex items-center gap-2 border-b border-line bg-card px-3 py-2 lg:hidden">
        <PhoneNavigation />
        <Brand />
        <div className="ml-auto min-w-0">
          <Person />
        </div>
      </header>
      <main id="content" tabIndex={-1} className="w-full max-w-7xl min-w-0 p-4 outline-none sm:p-6 lg:p-8">
        <Suspense fallback={<Skeleton />}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  );
}
