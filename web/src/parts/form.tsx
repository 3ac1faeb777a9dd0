import type { FormEvent, ReactNode } from 'react';
import { cn } from '@/lib/cn';
import { readAmount } from '@/lib/decimal';
import { Button } from '@/ui/button';
import { errorOf, ProblemNote } from './problem';

interface Props {
  /** What sends it, such as a mutation. */
  sending: { mutate: (form: FormData) => void; error: unknown; isPending: boolean };
  verb: string;
  /** Fields of the API that say themselves what is wrong with them. */
  fields?: readonly string[];
  className?: string;
  children: ReactNode;
}

/** Fields, what was refused of them, and the button that sends them. */
export function Form({ sending, verb, fields = [], className, children }: Props) {
  const { error } = sending;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    sending.mutate(new FormData(event.currentTarget));
  };
  return (
    <form onSubmit={submit} className={cn('space-y-4', className)}>
      {children}
      {error !== null && errorOf(error, ...fields) === undefined && <ProblemNote error={error} />}
      <div className="flex justify-end">
        <Button type="submit" look="primary" disabled={sending.isPending}>
          {verb}
        </Button>
      </div>
    </form>
  );
}

/** What stands in a form's fields, by their names. */
export function textsOf(form: FormData): (name: string) => string {
  return (name) => String(form.get(name) ?? '').trim();
}

/** The amount that somebody typed; a text that is none is left to the API to refuse. */
export function amountOf(form: FormData, name = 'amount'): string {
  const text = textsOf(form)(name);
  return readAmount(text) ?? text;
}

/** Words with commas or spaces between them. */
export function wordsOf(form: FormData, name: string): string[] {
  return textsOf(form)(name).split(/[\s,]+/).filter(Boolean);
}
