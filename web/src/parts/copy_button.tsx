import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { copyText } from '@/lib/copy';
import { Button } from '@/ui/button';

/** `what` names it for who cannot see the icon: "Copy the key". */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  const copy = async () => {
    setState((await copyText(text)) ? 'copied' : 'failed');
    setTimeout(() => setState('idle'), 2000);
  };
  const said = state === 'copied' ? 'Copied' : state === 'failed' ? 'Copy it by hand' : 'Copy';
  return (
    <Button size="small" onClick={() => void copy()} aria-label={state === 'idle' ? `Copy ${what}` : said}>
      {state === 'copied' ? <Check /> : <Copy />}
      {said}
    </Button>
  );
}
