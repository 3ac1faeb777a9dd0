import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router/dom';
import { Problem } from '@/api/problem';
import { applyTheme } from '@/lib/theme';
import { router } from './routes';
import './index.css';

applyTheme();

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the API refuses it refuses again; what does not answer may.
      retry: (failures, error) => failures < 2 && !(error instanceof Problem && error.status > 0 && error.status < 500),
      staleTime: 2000,
    },
  },
});

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
