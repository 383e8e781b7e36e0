/**
 * The browser tests of both packages: they need built programs and Chromium, and take their time. With `--mode screenshot` it takes the
 * README's picture instead.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig(({ mode }) => ({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: [
      mode === 'screenshot' ? 'app/browser/screenshot.ts' : '{app,report}/browser/**/*.test.ts',
    ],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
}));
