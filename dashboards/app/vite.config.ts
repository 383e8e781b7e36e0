/**
 * Builds the pages into `dist/`, which the server embeds. Names carry a content hash, so the server may let browsers keep
 * them for ever. `npm run dev -w app` proxies the data paths to a running server. Never fetches anything from elsewhere.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { frame, type PageEntry } from './build/frame.ts';
import { licences } from './build/licences.ts';

const server = process.env['FEED_URL'] ?? 'http://127.0.0.1:8080';

/** The pages, in the order of the navigation; each is a file at the top, so that the server needs no rule for it. */
const PAGES: PageEntry[] = [
  { file: 'index.html', title: 'Market' },
  { file: 'race.html', title: 'Race' },
  { file: 'server.html', title: 'Server' },
];

export default defineConfig({
  plugins: [frame(PAGES), licences()],
  resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
  worker: { format: 'es' },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: PAGES.map(({ file }) => fileURLToPath(new URL(file, import.meta.url))),
    },
  },
  server: { proxy: { '/v1': { target: server, ws: true }, '/lab': { target: server } } },
  preview: { proxy: { '/v1': { target: server, ws: true }, '/lab': { target: server } } },
});
