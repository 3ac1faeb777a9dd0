// Fields that many forms have.
import type { ComponentProps } from 'react';
import { Input } from '@/ui/field';
import { errorOf } from './problem';

interface Props extends Partial<ComponentProps<typeof Input>> {
  /** What came of sending the form; said here if it is of this field. */
  failure: unknown;
}

export function NameInput({ failure, name = 'name', ...rest }: Props) {
  return <Input label="Name" name={name} required maxLength={200} error={errorOf(failure, name)} {...rest} />;
}

/** An amount, in US dollars unless its label says otherwise. */
export function AmountInput({ failure, name = 'amount', ...rest }: Props) {
  return (
    <Input
      label="Amount in US dollars"
      name={name}
      inputMode="decimal"
      autoComplete="off"
      required
      error={errorOf(failure, name)}
      {...rest}
    />
  );
}

/** For people; it stays in the books. */
export function NoteInput({ failure, name = 'note', ...rest }: Props) {
  return (
    <Input
      label="Note"
      name={name}
      maxLength={200}
      hint="Optional, such as an invoice's number."
      error={errorOf(failure, name)}
      {...rest}
    />
  );
}
