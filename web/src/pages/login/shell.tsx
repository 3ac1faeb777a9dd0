import { type ReactNode, useEffect } from 'react';

/** The frame of the pages before a login. */
export function Shell({ title, note, children }: { title: string; note: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Metergate`;
  }, [title]);
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <div className="w-full max-w-sm rounded-xl border border-line bg-card p-6 shadow-sm">
        <div className="mb-6 flex items-center gap-2 text-lg font-semibold">
          <img src="/icon.svg" alt="" className="size-8" />
          Metergate
        </div>
        <h1 className="text-xl font-semibold">{title}</h1>
        <div className="mt-1 mb-5 text-sm text-muted">{note}</div>
        {children}
      </div>
    </main>
  );
}
