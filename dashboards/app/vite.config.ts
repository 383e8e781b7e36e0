/**
 * Builds the pages into `dist/`, which the server embeds. Names carry a content hash, so the server may let browsers keep
 * them for ever. `npm run dev -w app` proxies the data paths to a running server. Never fetches anything from elsewhere.
 */
import { defineConfig } from 'vite';

const server = process.env['FEED_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { '/v1': { target: server, ws: true } } },
});
