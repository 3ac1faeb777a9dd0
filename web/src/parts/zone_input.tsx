import { type ComponentProps, useId } from 'react';
import { Input } from '@/ui/field';

/** A time zone by its name. Where the viewer is stands on offer. */
export function ZoneInput(rest: Omit<ComponentProps<typeof Input>, 'label'>) {
  const zones = useId();
  return (
    <>
      <Input label="Time zone" defaultValue="UTC" list={zones} hint="Whose midnights count." {...rest} />
      <datalist id={zones}>
        <option value="UTC" />
        <option value={Intl.DateTimeFormat().resolvedOptions().timeZone} />
      </datalist>
    </>
  );
}
