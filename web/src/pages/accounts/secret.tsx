import { CopyButton } from '@/parts/copy_button';
import { CallSnippet } from '@/parts/snippet';

/** A key's secret, which nobody can show again. */
export function Secret({ secret }: { secret: string }) {
  return (
    <div className="space-y-4">
      <div>
        <p className="mb-1 text-sm font-medium">The key</p>
        <div className="flex items-center gap-2 rounded-lg bg-sunken p-2">
          <code className="min-w-0 flex-1 text-xs break-all" data-secret>
            {secret}
          </code>
          <CopyButton text={secret} what="the key" />
        </div>
        <p className="mt-1 text-xs text-muted">Copy it now: it is kept nowhere, and is not shown again.</p>
      </div>
      <CallSnippet secret={secret} />
    </div>
  );
}
