// New usage records as they come: one stream of events for all that a page shows.
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';

/** What is asked again when something new happened: all that is made of usage. */
const madeOfUsage = ['records', 'usage', 'latency', 'unresolved', 'limiters'];
/** Under load much happens at once: then pages ask again this often and no more. */
const restMs = 1000;
/** Where no stream is to be had, pages ask now and then. */
const withoutStreamMs = 10_000;

let listeners = 0;
let source: EventSource | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let again: ReturnType<typeof setTimeout> | undefined;
let last = 0;

function refreshSoon(client: QueryClient): void {
  timer ??= setTimeout(
    () => {
      timer = undefined;
      last = Date.now();
      for (const name of madeOfUsage) void client.invalidateQueries({ queryKey: [name] });
    },
    Math.max(0, last + restMs - Date.now()),
  );
}

function close(): void {
  source?.close();
  source = undefined;
  clearTimeout(timer);
  clearTimeout(again);
  timer = again = undefined;
}

function open(client: QueryClient): void {
  close();
  const stream = new EventSource('/api/v1/usage/stream');
  source = stream;
  stream.addEventListener('record', () => refreshSoon(client));
  stream.addEventListener('gap', () => refreshSoon(client));
  // A browser comes back by itself, but for an answer that is no stream.
  stream.addEventListener('error', () => {
    if (stream.readyState !== EventSource.CLOSED) return;
    again = setTimeout(() => {
      refreshSoon(client);
      open(client);
    }, withoutStreamMs);
  });
}

/**
 * While a component that calls this is shown, what it shows of usage is asked for again whenever something happened. A
 * tab that nobody looks at hears nothing, for a browser has few connections to one server.
 */
export function useLive(live: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!live) return undefined;
    const turn = () => {
      if (document.hidden) close();
      else if (source === undefined) {
        refreshSoon(client);
        open(client);
      }
    };
    listeners += 1;
    if (listeners === 1 && !document.hidden) open(client);
    document.addEventListener('visibilitychange', turn);
    return () => {
      document.removeEventListener('visibilitychange', turn);
      listeners -= 1;
      if (listeners === 0) close();
    };
  }, [client, live]);
}
