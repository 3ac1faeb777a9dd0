import type { ReactNode } from 'react';
import { dollars, share } from '@/lib/decimal';

interface Item {
  id: string;
  name: ReactNode;
  cost: string;
}

/** What cost most, first: each with its exact amount, and a bar beside the largest's. */
export function BarList({ items }: { items: Item[] }) {
  const most = items[0]?.cost ?? '0';
  return (
    <ol className="space-y-3">
      {items.map((item) => (
        <li key={item.id}>
          <div className="mb-1 flex items-baseline justify-between gap-3 text-sm">
            <span className="min-w-0 truncate">{item.name}</span>
            <span className="tabular-nums">{dollars(item.cost)}</span>
          </div>
          <div className="h-1.5 overflow-hidden rounded-full bg-sunken" aria-hidden>
            <div className="h-full rounded-full bg-accent" style={{ width: `${share(item.cost, most) * 100}%` }} />
          </div>
        </li>
      ))}
    </ol>
  );
}
