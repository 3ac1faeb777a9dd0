// Stands in for the package react-remove-scroll, which Radix's dialogs and menus use: that one writes a <style>
// element, and the content security policy allows none. Keeps the page behind a dialog from scrolling.
import { type ComponentType, type ReactNode, type Ref, useEffect } from 'react';

interface Props {
  as?: ComponentType<{ children?: ReactNode; ref?: Ref<HTMLElement> }>;
  children?: ReactNode;
  enabled?: boolean;
}

let locks = 0;

export function RemoveScroll({ as: Wrapper, children, enabled = true }: Props) {
  useEffect(() => {
    if (!enabled) return;
    locks += 1;
    document.documentElement.classList.add('overflow-hidden');
    return () => {
      locks -= 1;
      if (locks === 0) document.documentElement.classList.remove('overflow-hidden');
    };
  }, [enabled]);
  return Wrapper ? <Wrapper>{children}</Wrapper> : <>{children}</>;
}
