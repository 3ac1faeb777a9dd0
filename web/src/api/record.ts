import { useQuery } from '@tanstack/react-query';
import { api, data } from './client';

/** One request's whole story. */
export function useStory(id: string) {
  return useQuery({
    queryKey: ['story', id],
    queryFn: () => data(api.GET('/api/v1/usage/records/{id}', { params: { path: { id } } })),
  });
}
