/**
 * Takes the README's picture, `screenshot.png`: `npm run screenshot -w app`, after `make pages` and a build of the server.
 * It is a vitest file in order to share the browser test's set-up, but no part of `npm run test:browser`.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { pack } from './png.ts';
import { launch, Server } from './server.ts';

const PICTURE = fileURLToPath(new URL('../screenshot.png', import.meta.url));
const BYTES_MAX = 150_000;

it('takes the picture', async () => {
  const server = await Server.start(0, ['--symbols', '500', '--rate', '20000']);
  const browser = await launch();
  try {
    const view = { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' } as const;
    const page = await browser.newPage(view);
    await page.goto(server.url);
    await page.locator('#latency').waitFor();
    // Changes count from the opening of the page: by then the liveliest symbol has traded a million.
    await page.locator('.canvas .volume', { hasText: 'M' }).first().waitFor();
    const png = await pack(browser, await page.screenshot());
    expect(png.length).toBeLessThan(BYTES_MAX);
    writeFileSync(PICTURE, png);
  } finally {
    await browser.close();
    await server.kill();
  }
});
