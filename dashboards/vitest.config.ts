/**
 * The unit tests of both packages in one run, so that there is one count of tests. `@tickcast/client` resolves to its
 * TypeScript source (condition `source`): a test never sees a stale build. The browser test has its own configuration.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    // Those that wait for a real server take their time.
    testTimeout: 60_000,
    include: [
      'sdk/test/**/*.test.ts',
      'app/test/**/*.test.ts',
      'report/test/**/*.test.ts',
      'grafana/test/**/*.test.ts',
    ],
  },
});
