import { type ComponentProps, type ReactNode, useId } from 'react';
import { cn } from '@/lib/cn';

const box =
  'h-9 w-full rounded-lg border border-strong-line bg-card px-3 text-sm placeholder:text-muted ' +
  'disabled:opacity-60 aria-invalid:border-bad';

interface About {
  label: string;
  hint?: ReactNode;
  /** What is wrong with what stands in it. */
  error?: string | undefined;
  className?: string;
}

function Frame({ id, about, children }: { id: string; about: About; children: ReactNode }) {
  return (
    <div className={cn('min-w-0', about.className)}>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {about.label}
      </label>
      {children}
      {about.hint && !about.error && (
        <p id={`${id}-hint`} className="mt-1 text-xs text-muted">
          {about.hint}
        </p>
      )}
      {about.error && (
        <p id={`${id}-hint`} role="alert" className="mt-1 text-xs text-bad">
          {about.error}
        </p>
      )}
    </div>
  );
}

export function Input({ label, hint, error, className, ...rest }: About & ComponentProps<'input'>) {
  const id = useId();
  return (
    <Frame id={id} about={{ label, hint, error, className }}>
      <input
        id={id}
        className={box}
        aria-invalid={error ? true : undefined}
        aria-describedby={hint || error ? `${id}-hint` : undefined}
        {...rest}
      />
    </Frame>
  );
}

export function Textarea({ label, hint, error, className, ...rest }: About & ComponentProps<'textarea'>) {
  const id = useId();
  return (
    <Frame id={id} about={{ label, hint, error, className }}>
      <textarea
        id={id}
        className={cn(box, 'h-auto py-2')}
        aria-invalid={error ? true : undefined}
        aria-describedby={hint || error ? `${id}-hint` : undefined}
        {...rest}
      />
    </Frame>
  );
}

/** The browser's own list: it works with every keyboard, screen reader and phone. */
export function Select({ label, hint, error, className, children, ...rest }: About & ComponentProps<'select'>) {
  const id = useId();
  return (
    <Frame id={id} about={{ label, hint, error, className }}>
      <select
        id={id}
        className={box}
        aria-invalid={error ? true : undefined}
        aria-describedby={hint || error ? `${id}-hint` : undefined}
        {...rest}
      >
        {children}
      </select>
    </Frame>
  );
}

export function Checkbox({ label, ...rest }: { label: ReactNode } & ComponentProps<'input'>) {
  return (
    <label className="flex items-center gap-2 text-sm">
      <input type="checkbox" className="size-4 accent-accent" {...rest} />
      {label}
    </label>
  );
}
