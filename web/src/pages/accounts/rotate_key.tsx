import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { api, data, type Key } from '@/api/client';
import { errorOf, ProblemNote } from '@/parts/problem';
import { Button } from '@/ui/button';
import { Dialog } from '@/ui/dialog';
import { Select } from '@/ui/field';
import { Secret } from './secret';

const overlaps: [string, string][] = [
  ['3600', 'an hour'],
  ['86400', 'a day'],
  ['604800', 'a week'],
  ['0', 'no longer: it ends now'],
];

/** Another secret for the same key: its limits and what it spent go on. */
export function RotateKey({ of, open, onOpenChange }: { of: Key; open: boolean; onOpenChange: () => void }) {
  const queries = useQueryClient();
  const rotating = useMutation({
    mutationFn: (overlap_seconds: number) =>
      data(api.POST('/api/v1/keys/{id}/rotate', { params: { path: { id: of.id } }, body: { overlap_seconds } })),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['keys'] }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    rotating.mutate(Number(new FormData(event.currentTarget).get('overlap')));
  };
  const close = () => {
    rotating.reset();
    onOpenChange();
  };
  const made = rotating.data;
  return (
    <Dialog
      open={open}
      onOpenChange={close}
      keep={made !== undefined}
      title={`A new secret for ${of.name}`}
      description={made ? 'It works from now on.' : 'It stays the same key, with its limits and what it spent.'}
    >
      {made ? (
        <>
          <Secret secret={made.secret} />
          <div className="mt-4 flex justify-end">
            <Button look="primary" onClick={close}>
              I have copied it
            </Button>
          </div>
        </>
      ) : (
        <form onSubmit={submit} className="space-y-4">
          <Select
            label="The old secret works for"
            name="overlap"
            defaultValue="86400"
            error={errorOf(rotating.error, 'overlap_seconds')}
          >
            {overlaps.map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
          {rotating.error && <ProblemNote error={rotating.error} />}
          <div className="flex justify-end">
            <Button type="submit" look="primary" disabled={rotating.isPending}>
              Make a new secret
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
