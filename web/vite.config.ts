import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url));

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: {
    alias: {
      '@': source(''),
      // The package writes a <style> element, which the content security policy forbids.
      'react-remove-scroll': source('lib/scroll_lock.tsx'),
    },
  },
  build: {
    outDir: '../build/web',
    emptyOutDir: true,
    // Everything is a file of its own: the policy allows no data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
  },
  // `npm run dev` beside a running binary.
  server: { proxy: { '/api': 'http://127.0.0.1:8081', '/openapi.json': 'http://127.0.0.1:8081' } },
});
