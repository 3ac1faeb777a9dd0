import type { ComponentProps, ReactNode } from 'react';
import { cn } from '@/lib/cn';

/** `label` says what it lists. What is too wide scrolls sideways, by keyboard too. Its card is the landmark. */
export function Table({ label, head, children }: { label: string; head: ReactNode; children: ReactNode }) {
  return (
    <div className="-mx-4 overflow-x-auto px-4 sm:-mx-5 sm:px-5" role="group" aria-label={label} tabIndex={0}>
      <table className="w-full border-collapse text-sm">
        <thead>
          <tr className="border-b border-line text-left text-xs text-muted">{head}</tr>
        </thead>
        <tbody className="[&>tr]:border-b [&>tr]:border-line [&>tr:last-child]:border-0">{children}</tbody>
      </table>
    </div>
  );
}

export function Th({ className, ...rest }: ComponentProps<'th'>) {
  return <th scope="col" className={cn('px-2 py-2 font-medium first:pl-0 last:pr-0', className)} {...rest} />;
}

export function Td({ className, ...rest }: ComponentProps<'td'>) {
  return <td className={cn('px-2 py-2.5 align-middle first:pl-0 last:pr-0', className)} {...rest} />;
}
