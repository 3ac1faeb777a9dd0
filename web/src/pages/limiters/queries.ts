import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, data, type Schemas } from '@/api/client';
import { refreshMs } from '@/api/queries';

export type Limiter = Schemas['Limiter'];

/** With their numbers; at most 1000, the newest first. */
export function useLimiters() {
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

/** Changes one; the list is asked for again. */
export function useChange(id: string, onDone: () => void = () => undefined) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas['LimiterEdit']) =>
      data(api.PATCH('/api/v1/limiters/{id}', { params: { path: { id } }, body })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['limiters'] });
      onDone();
    },
  });
}
