import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { api, data } from '@/api/client';
import { useLive } from '@/api/live';
import { dollars, plain } from '@/lib/decimal';
import { Figure } from '@/ui/card';

export function UnresolvedFigure() {
  useLive(true);
  const sum = useQuery({
    queryKey: ['unresolved', 'sum'],
    queryFn: () => data(api.GET('/api/v1/unresolved/sum')),
  });
  const found = sum.data;
  return (
    <Figure
      name="Unresolved calls"
      value={found ? plain(found.count) : '…'}
      note={
        found && found.count > 0 ? (
          <>
            They may cost {dollars(found.at_stake)} more.{' '}
            <Link to="/unresolved" className="underline">
              Settle or release them
            </Link>
          </>
        ) : (
          'No money is held for an unknown cost.'
        )
      }
    />
  );
}
