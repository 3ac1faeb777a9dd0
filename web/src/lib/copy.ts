/** Whether it is on the clipboard now. Without TLS a page may not ask for the clipboard, except on this machine. */
export async function copyText(text: string): Promise<boolean> {
  if (window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Forbidden by the browser: try the old way.
    }
  }
  const box = document.createElement('textarea');
  box.value = text;
  const dialog = document.querySelector('[role="dialog"]');
  (dialog ?? document.body).append(box);
  box.select();
  const done = document.execCommand('copy');
  box.remove();
  return done;
}
