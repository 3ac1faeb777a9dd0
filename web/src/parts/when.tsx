import { showTime } from '@/lib/time';

/** A moment in the viewer's zone; its UTC time stands in its title. */
export function When({ at }: { at: string }) {
  return (
    <time dateTime={at} title={`${at} (UTC)`} className="whitespace-nowrap">
      {showTime(at)}
    </time>
  );
}
