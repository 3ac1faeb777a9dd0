import { useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark' | 'system';

const name = 'metergate-theme';
const system = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

function chosen(): Theme {
  const kept = localStorage.getItem(name);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

/** Puts the colours on. Called before the first page is drawn, so that none flashes in the wrong ones. */
export function applyTheme(): void {
  const theme = chosen();
  document.documentElement.classList.toggle('dark', theme === 'dark' || (theme === 'system' && system.matches));
}

export function chooseTheme(theme: Theme): void {
  if (theme === 'system') localStorage.removeItem(name);
  else localStorage.setItem(name, theme);
  applyTheme();
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, chosen);
}

system.addEventListener('change', applyTheme);
