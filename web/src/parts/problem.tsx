import { Problem } from '@/api/problem';

/** What went wrong, in the API's own words, and what to do where that is known. */
export function ProblemNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  return (
    <div role="alert" className="rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad">
      <span className="break-words">{message.charAt(0).toUpperCase() + message.slice(1)}</span>
      {retry && (
        <button type="button" onClick={retry} className="ml-2 font-medium underline">
          Try again
        </button>
      )}
    </div>
  );
}

/** What the API said of this field, if it said something of it. */
export function errorOf(error: unknown, ...fields: string[]): string | undefined {
  return error instanceof Problem && error.field && fields.includes(error.field) ? error.message : undefined;
}
