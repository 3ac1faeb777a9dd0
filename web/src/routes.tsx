// The pages' table of contents. Charts and the API's document are large, so that their pages come when they are opened.
import { createBrowserRouter, isRouteErrorResponse, Link, Navigate, useRouteError } from 'react-router';
import { Account } from '@/pages/accounts/account';
import { Accounts } from '@/pages/accounts/accounts';
import { Limiters } from '@/pages/limiters/limiters';
import { Welcome } from '@/pages/login/welcome';
import { Prices } from '@/pages/prices/prices';
import { RequestPage } from '@/pages/requests/request';
import { Requests } from '@/pages/requests/requests';
import { Settings } from '@/pages/settings/settings';
import { Unresolved } from '@/pages/unresolved/unresolved';
import { Skeleton } from '@/ui/skeleton';
import { Frame } from './frame';
import { Root } from './root';

function Broken() {
  const error = useRouteError();
  const missing = isRouteErrorResponse(error) && error.status === 404;
  return (
    <main className="mx-auto max-w-prose p-8">
      <h1 className="text-2xl font-semibold">{missing ? 'There is no such page' : 'This page broke'}</h1>
      {!missing && <p className="mt-2 text-bad">{error instanceof Error ? error.message : String(error)}</p>}
      <p className="mt-4">
        <Link to="/" reloadDocument className="underline">
          To the overview
        </Link>
      </p>
    </main>
  );
}

export const router = createBrowserRouter([
  {
    element: <Root />,
    hydrateFallbackElement: <Skeleton />,
    errorElement: <Broken />,
    children: [
      { path: 'welcome', element: <Welcome /> },
      ...['login', 'dashboard'].map((path) => ({ path, element: <Navigate to="/" replace /> })),
      {
        element: <Frame />,
        children: [
          { index: true, lazy: async () => ({ Component: (await import('@/pages/overview/overview')).Overview }) },
          { path: 'accounts', element: <Accounts /> },
          { path: 'accounts/:id', element: <Account /> },
          { path: 'limiters', element: <Limiters /> },
          { path: 'requests', element: <Requests /> },
          { path: 'requests/:id', element: <RequestPage /> },
          {
            path: 'statistics',
            lazy: async () => ({ Component: (await import('@/pages/statistics/statistics')).Statistics }),
          },
          { path: 'prices', element: <Prices /> },
          { path: 'unresolved', element: <Unresolved /> },
          { path: 'settings', element: <Settings /> },
          { path: 'docs', lazy: async () => ({ Component: (await import('@/pages/docs/docs')).Docs }) },
        ],
      },
    ],
  },
]);
