import { Link } from 'react-router';
import { useAccount, useKey } from '@/api/names';

/** An account's name, which leads to it; its id's beginning until the name is known. */
export function AccountName({ id }: { id: string }) {
  const account = useAccount(id);
  return (
    <Link to={`/accounts/${id}`} className="underline decoration-line underline-offset-2 hover:decoration-current">
      {account?.name ?? `${id.slice(0, 8)}…`}
    </Link>
  );
}

export function KeyName({ id }: { id: string }) {
  return <>{useKey(id)?.name ?? `${id.slice(0, 8)}…`}</>;
}
