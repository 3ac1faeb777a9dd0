import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import { type ReactNode, useRef } from 'react';
import { cn } from '@/lib/cn';

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description: ReactNode;
  /** A click beside it does not close it: what it shows would be lost. */
  keep?: boolean;
  className?: string;
  children: ReactNode;
}

export function Dialog({ open, onOpenChange, title, description, keep = false, className, children }: Props) {
  // What had the keyboard before; it has it again afterwards.
  const before = useRef<Element | null>(null);
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/50" />
        <Radix.Content
          onOpenAutoFocus={() => {
            before.current = document.activeElement;
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (before.current instanceof HTMLElement) before.current.focus();
          }}
          onInteractOutside={(event) => keep && event.preventDefault()}
          className={cn(
            'fixed top-1/2 left-1/2 z-50 max-h-[92dvh] w-[calc(100vw-1.5rem)] max-w-lg -translate-x-1/2',
            '-translate-y-1/2 overflow-y-auto rounded-xl border border-line bg-card p-5 shadow-xl',
            className,
          )}
        >
          <Radix.Title className="pr-8 text-lg font-semibold">{title}</Radix.Title>
          <Radix.Description className="mt-1 mb-4 text-sm text-muted">{description}</Radix.Description>
          {children}
          <Radix.Close
            aria-label="Close"
            className="absolute top-4 right-4 rounded-md p-1 text-muted hover:bg-sunken hover:text-ink"
          >
            <X className="size-4" />
          </Radix.Close>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
