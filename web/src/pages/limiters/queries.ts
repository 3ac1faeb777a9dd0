import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, data, type Schemas } from '@/api/client';
import { useLive } from '@/api/live';
import { refreshMs } from '@/api/queries';
import { may, type Session } from '@/api/session';

export type Limiter = Schemas['Limiter'];

/** Whether he decides where the calls of a limiter go. */
export function mayDirect(session: Session): boolean {
  return may(session, 'admin') && session.account === null;
}

/**
 * With their numbers; at most 1000, the newest first. What calls cost is heard of as it is written; what they reserve
 * is asked for again and again.
 */
export function useLimiters() {
  useLive(true);
  return useQuery({
    queryKey: ['limiters'],
    queryFn: () => data(api.GET('/api/v1/limiters', { params: { query: { limit: 1000 } } })),
    select: (answer) => answer.data,
    refetchInterval: refreshMs,
  });
}

export function useLimiterStats(id: string) {
  return useQuery({
    queryKey: ['limiters', id, 'stats'],
    queryFn: () => data(api.GET('/api/v1/limiters/{id}/stats', { params: { path: { id } } })),
    refetchInterval: refreshMs,
  });
}

/** Changes one as `read` makes it of what is given; where that is nothing, nothing is asked. */
export function useChange<Given>(
  id: string,
  read: (given: Given) => Schemas['LimiterEdit'],
  onDone: () => void = () => undefined,
) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (given: Given) => {
      const body = read(given);
      if (Object.keys(body).length > 0)
        await data(api.PATCH('/api/v1/limiters/{id}', { params: { path: { id } }, body }));
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['limiters'] });
      onDone();
    },
  });
}
