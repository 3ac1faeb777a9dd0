import { cva, type VariantProps } from 'class-variance-authority';
import { Slot } from 'radix-ui';
import type { ComponentProps } from 'react';
import { cn } from '@/lib/cn';

const button = cva(
  'inline-flex items-center justify-center gap-2 rounded-lg font-medium whitespace-nowrap transition-colors ' +
    'disabled:opacity-50 disabled:pointer-events-none [&_svg]:size-4 [&_svg]:shrink-0',
  {
    variants: {
      look: {
        primary: 'bg-accent text-accent-ink hover:bg-accent-hover',
        plain: 'border border-line bg-card hover:bg-sunken',
        quiet: 'text-muted hover:bg-sunken hover:text-ink',
        danger: 'border border-line bg-card text-bad hover:bg-bad-soft',
      },
      size: { normal: 'h-9 px-3.5 text-sm', small: 'h-8 px-2.5 text-sm', square: 'size-9' },
    },
    defaultVariants: { look: 'plain', size: 'normal' },
  },
);

type Props = ComponentProps<'button'> & VariantProps<typeof button> & { asChild?: boolean };

/** `asChild`: the only child, a link for one, is drawn as the button. */
export function Button({ look, size, asChild, className, ...rest }: Props) {
  if (asChild) return <Slot.Root className={cn(button({ look, size }), className)} {...rest} />;
  return <button type="button" className={cn(button({ look, size }), className)} {...rest} />;
}
