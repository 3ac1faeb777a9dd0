/** A limit's window: "per day", "in any 5h", "in all". */
export function inWords(window: string): string {
  if (window === 'total') return 'in all';
  if (window.startsWith('rolling:')) return `in any ${window.slice('rolling:'.length)}`;
  return window.startsWith('cycle:') ? `per cycle from day ${window.slice('cycle:'.length)}` : `per ${window}`;
}
