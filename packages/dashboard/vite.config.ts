import { defineConfig } from 'vite';

export default defineConfig({
  base: '/dashboard/',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // Everything is a file of this origin: nothing inline, nothing in a data URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
