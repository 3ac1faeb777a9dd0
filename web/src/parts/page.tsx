import { type ReactNode, useEffect } from 'react';

interface Props {
  title: string;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, note, actions, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Metergate`;
  }, [title]);
  return (
    <>
      <div className="mb-5 flex flex-wrap items-end justify-between gap-3">
        <div className="min-w-0">
          <h1 className="text-2xl font-semibold tracking-tight break-words">{title}</h1>
          {note && <div className="mt-1 text-sm text-muted">{note}</div>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </div>
      {children}
    </>
  );
}
