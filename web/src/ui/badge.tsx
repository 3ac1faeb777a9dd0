import type { ReactNode } from 'react';
import { cn } from '@/lib/cn';

const looks = {
  plain: 'bg-sunken text-muted',
  good: 'bg-accent-soft text-ink',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
};

export type Look = keyof typeof looks;

export function Badge({ look = 'plain', children }: { look?: Look; children: ReactNode }) {
  return (
    <span className={cn('inline-flex rounded-md px-1.5 py-0.5 text-xs font-medium whitespace-nowrap', looks[look])}>
      {children}
    </span>
  );
}
