/** Stands where something will be, while it is fetched. */
export function Skeleton({ rows = 3 }: { rows?: number }) {
  return (
    <div role="status" aria-label="Loading" className="space-y-3">
      {Array.from({ length: rows }, (_, at) => (
        <div key={at} className="h-5 animate-pulse rounded bg-sunken" />
      ))}
    </div>
  );
}
