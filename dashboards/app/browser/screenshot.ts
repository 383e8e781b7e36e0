/**
 * Takes the README's pictures, `screenshot.png`, `race.png` and `server.png`: `npm run screenshot -w app`, after `make pages` and a build of the server.
 * It is a vitest file in order to share the browser test's set-up, but no part of `npm run test:browser`.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { alive, open, ROW } from './market.ts';
import { pack } from './png.ts';
import { launch, Server } from './server.ts';

const PICTURE = fileURLToPath(new URL('../screenshot.png', import.meta.url));
const BYTES_MAX = 150_000;

it('takes the picture', async () => {
  const server = await Server.start();
  const browser = await launch();
  try {
    const viewport = { width: 1440, height: 860 };
    const { page } = await open(browser, `${server.url}?symbol=NVDA&interval=5m`, { viewport });
    await alive(page);
    await page.locator(`${ROW} .spark path[d^="M"]`).first().waitFor({ state: 'attached' });
    await page.locator('#head-bid', { hasText: '×' }).waitFor();
    const trades = page.locator('.trade:not([hidden])');
    await expect.poll(() => trades.count(), { timeout: 15_000 }).toBeGreaterThan(35);
    const png = await pack(browser, await page.screenshot());
    expect(png.length).toBeLessThan(BYTES_MAX);
    writeFileSync(PICTURE, png);
  } finally {
    await browser.close();
    await server.kill();
  }
});

it.each(['race', 'server'])('takes the picture of the page %s', async (name) => {
  const server = await Server.start(0, ['--lab']);
  const browser = await launch();
  try {
    const viewport = { width: 1280, height: name === 'race' ? 780 : 880 };
    const { page } = await open(browser, `${server.url}${name}.html`, { viewport });
    // The server has something to do: the race runs beside it.
    const race = name === 'race' ? page : (await open(browser, `${server.url}race.html`)).page;
    await race.locator('#window', { hasText: /^12$/ }).waitFor({ timeout: 40_000 });
    const seen = name === 'race' ? '#headline strong' : '[data-tile=events]';
    await page.locator(seen).first().waitFor();
    const png = await pack(browser, await page.screenshot());
    expect(png.length).toBeLessThan(BYTES_MAX);
    writeFileSync(fileURLToPath(new URL(`../${name}.png`, import.meta.url)), png);
  } finally {
    await browser.close();
    await server.kill();
  }
});
