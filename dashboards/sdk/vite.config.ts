/**
 * Builds `dist/browser/tickcast.js` for pages without a bundler: the main entry with all its exports in one file, beside it
 * the parts that it loads when they are needed. `size.mjs` holds its size to the promise of the README.
 */
import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    outDir: 'dist/browser',
    target: 'es2022',
    minify: true,
    lib: { entry: 'src/index.ts', formats: ['es'], fileName: 'tickcast' },
    rolldownOptions: {
      // What the entry shares with the other parts stays in the entry, and costs no second request.
      preserveEntrySignatures: 'allow-extension',
      // Vite leaves the spaces of ES libraries to the page's bundler, and there is none.
      output: {
        minify: true,
        comments: false,
        chunkFileNames: '[name].js',
        entryFileNames: 'tickcast.js',
      },
    },
  },
});
