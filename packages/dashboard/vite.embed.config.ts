import { defineConfig } from 'vite';

/** The viewer as ES modules for other people's pages: `viewer.js`, and noVNC beside it, loaded when it is needed. */
export default defineConfig({
  base: './',
  publicDir: false,
  build: {
    outDir: 'dist-embed',
    emptyOutDir: true,
    target: 'es2022',
    lib: { entry: 'src/embed.ts', formats: ['es'], fileName: 'viewer' },
    rollupOptions: { output: { chunkFileNames: '[name].js' } },
  },
});
