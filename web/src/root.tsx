import { Outlet } from 'react-router';
import { SessionProvider } from './session';

export function Root() {
  return (
    <SessionProvider>
      <Outlet />
    </SessionProvider>
  );
}
