import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { ProblemNote } from './problem';

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** What will be so afterwards, and whether it can be undone. */
  description: ReactNode;
  verb: string;
  act: () => Promise<unknown>;
  children?: ReactNode;
}

export function Confirm({ open, onOpenChange, title, description, verb, act, children }: Props) {
  const acting = useMutation({ mutationFn: act, onSuccess: () => onOpenChange(false) });
  return (
    <Dialog
      open={open}
      onOpenChange={(now) => {
        acting.reset();
        onOpenChange(now);
      }}
      title={title}
      description={description}
    >
      {children}
      {acting.error && <ProblemNote error={acting.error} />}
      <div className="mt-4 flex justify-end gap-2">
        <Button onClick={() => onOpenChange(false)}>Leave it</Button>
        <Button look="danger" disabled={acting.isPending} onClick={() => acting.mutate()}>
          {verb}
        </Button>
      </div>
    </Dialog>
  );
}
