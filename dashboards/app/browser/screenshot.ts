/**
 * Takes the README's pictures, `screenshot.png`, `race.png` and `server.png`: `npm run screenshot -w app`, after `make pages` and a build of the server and the load tester.
 * It is a vitest file in order to share the browser test's set-up, but no part of `npm run test:browser`.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { alive, open, ROW } from './market.ts';
import { pack } from './png.ts';
import { launch, Server } from './server.ts';

const PICTURE = fileURLToPath(new URL('../screenshot.png', import.meta.url));
const BYTES_MAX = 150_000;
const LANES = ['ws', 'sse', 'stream', 'longpoll', 'poll'];
const CLIENTS = 20;
/** The page shows a minute until it has seen more. */
const MINUTE_MS = 58_000;

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

it('takes the picture of the race', async () => {
  await picture('race', 780, async (page) => {
    await page.locator('#window', { hasText: /^12$/ }).waitFor({ timeout: 40_000 });
    await page.locator('#headline strong').first().waitFor();
  });
});

/** With something to do for the server, and a minute to look back on. */
it('takes the picture of the server', { timeout: 150_000 }, async () => {
  await picture('server', 934, async (page, url) => {
    for (const name of LANES) {
      const order = new URL(`lab/lane?name=${name}&clients=${CLIENTS}`, url);
      const answer = await fetch(order, { method: 'POST', headers: { 'x-tickcast-lab': '1' } });
      expect(answer.status).toBe(200);
    }
    const seen_ms = (): Promise<number> => page.evaluate(() => performance.now());
    await expect.poll(seen_ms, { timeout: 100_000, interval: 1000 }).toBeGreaterThan(MINUTE_MS);
    await page.locator('[data-tile=events]').waitFor();
  });
});

async function picture(
  name: string,
  height: number,
  ready: (page: Page, url: string) => Promise<void>,
): Promise<void> {
  const server = await Server.start(0, ['--lab']);
  const browser = await launch();
  try {
    const viewport = { width: 1280, height };
    const { page } = await open(browser, `${server.url}${name}.html`, { viewport });
    await ready(page, server.url);
    const png = await pack(browser, await page.screenshot());
    expect(png.length).toBeLessThan(BYTES_MAX);
    writeFileSync(fileURLToPath(new URL(`../${name}.png`, import.meta.url)), png);
  } finally {
    await browser.close();
    await server.kill();
  }
}
