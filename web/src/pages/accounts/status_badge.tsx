import type { Account } from '@/api/client';
import { Badge, type Look } from '@/ui/badge';

const looks: Record<Account['status'], Look> = { active: 'good', suspended: 'bad', deleted: 'plain' };

export function StatusBadge({ account }: { account: Account }) {
  return <Badge look={looks[account.status]}>{account.status}</Badge>;
}
