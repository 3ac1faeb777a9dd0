import { DropdownMenu as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import { cn } from '@/lib/cn';

export function Menu({ trigger, children }: { trigger: ReactNode; children: ReactNode }) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align="end"
          sideOffset={4}
          className="z-50 min-w-44 rounded-lg border border-line bg-card p-1 text-sm shadow-lg"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface ItemProps {
  onSelect: () => void;
  danger?: boolean;
  checked?: boolean;
  children: ReactNode;
}

export function MenuItem({ onSelect, danger = false, checked, children }: ItemProps) {
  const look = cn(
    'flex items-center gap-2 rounded-md px-2.5 py-1.5 outline-none select-none data-highlighted:bg-sunken',
    '[&_svg]:size-4',
    danger && 'text-bad',
  );
  if (checked === undefined)
    return (
      <Radix.Item className={look} onSelect={onSelect}>
        {children}
      </Radix.Item>
    );
  return (
    <Radix.CheckboxItem className={cn(look, checked && 'font-semibold')} checked={checked} onSelect={onSelect}>
      {children}
    </Radix.CheckboxItem>
  );
}
