/**
 * The browser tests of all packages: they need built programs and Chromium, and take their time. With `--mode screenshot`
 * the README's picture is taken instead, with `--mode budget` the rendering budget is measured.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig(({ mode }) => ({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: [
      ['screenshot', 'budget'].includes(mode)
        ? `app/browser/${mode}.ts`
        : '{app,report,sdk}/browser/**/*.test.ts',
    ],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
}));
