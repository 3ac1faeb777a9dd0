import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api, data, type Key } from '@/api/client';
import { Form, textsOf } from '@/parts/form';
import { errorOf } from '@/parts/problem';
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
    mutationFn: (form: FormData) => {
      const body = { overlap_seconds: Number(textsOf(form)('overlap')) };
      return data(api.POST('/api/v1/keys/{id}/rotate', { params: { path: { id: of.id } }, body }));
    },
    onSuccess: () => void queries.invalidateQueries({ queryKey: ['keys'] }),
  });
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
        <Form sending={rotating} verb="Make a new secret" fields={['overlap_seconds']}>
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
        </Form>
      )}
    </Dialog>
  );
}
