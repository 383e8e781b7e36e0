/**
 * The browser test alone: it needs a built server and Chromium, and takes its time. With `--mode screenshot` it takes the
 * README's picture instead.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'screenshot' ? 'browser/screenshot.ts' : 'browser/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
}));
