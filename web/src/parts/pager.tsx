import { type ReactNode, useState } from 'react';
import { Button } from '@/ui/button';

export interface Pages {
  /** Of the page that is shown; none is that of the first. */
  cursor: string | undefined;
  /** From 1 on. */
  number: number;
  back: () => void;
  go: (next: string) => void;
}

/** Pages of a list that tells only the next one's cursor: those before the shown one are kept, to be turned back. */
export function usePages(): Pages {
  const [cursors, setCursors] = useState<string[]>([]);
  return {
    cursor: cursors.at(-1),
    number: cursors.length + 1,
    back: () => setCursors(cursors.slice(0, -1)),
    go: (next) => setCursors([...cursors, next]),
  };
}

interface Props {
  pages: Pages;
  /** The cursor that came with the shown page. */
  next: string | null;
  back?: string;
  further?: string;
  /** What stands between the buttons, and then even if there is one page only. */
  children?: ReactNode;
}

/** Turns the pages of a list. */
export function Pager({ pages, next, back = 'Newer', further = 'Older', children }: Props) {
  if (!children && pages.number === 1 && !next) return null;
  return (
    <div className="mt-4 flex items-center justify-between gap-2">
      <Button disabled={pages.number === 1} onClick={pages.back}>
        {back}
      </Button>
      {children && <span className="text-sm text-muted">{children}</span>}
      <Button disabled={!next} onClick={() => next && pages.go(next)}>
        {further}
      </Button>
    </div>
  );
}
