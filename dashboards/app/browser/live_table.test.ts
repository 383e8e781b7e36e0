/**
 * The page in a real browser against the real server: from the first row to a killed and restarted server. Each wait is for
 * a condition with a deadline. Leaves screenshots in `test-results/`.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, Server } from './server.ts';

const shots = fileURLToPath(new URL('../test-results/', import.meta.url));
const ROW = '.canvas .row:not([hidden])';
const DEADLINE_MS = 15_000;

let server: Server;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

async function open(width: number, height: number, colorScheme: 'dark' | 'light'): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  const opened = await context.newPage();
  opened.setDefaultTimeout(DEADLINE_MS);
  opened.on('pageerror', (error) => complaints.push(error.message));
  opened.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  await opened.goto(server.url);
  return opened;
}

async function pillSays(on: Page, words: RegExp): Promise<void> {
  await on.locator('#pill', { hasText: words }).waitFor();
}

/** Waits until prices are on the screen and some have moved since. */
async function pricesMove(on: Page): Promise<void> {
  const prices = (): Promise<string> =>
    on.evaluate((row) => {
      const cells = document.querySelectorAll(`${row} .last`);
      return [...cells].map((cell) => cell.textContent).join('|');
    }, ROW);
  await on.locator(`${ROW} .last`, { hasText: /\d/ }).first().waitFor();
  const before = await prices();
  await expect.poll(prices, { timeout: DEADLINE_MS }).not.toBe(before);
  await on.locator('#fact-received', { hasText: /\d\/s/ }).waitFor();
}

beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  server = await Server.start();
  browser = await launch();
  page = await open(1280, 800, 'dark');
});
afterAll(async () => {
  await browser?.close();
  await server?.kill();
});

describe('live table', () => {
  it('fills with rows whose prices move', async () => {
    await page.locator(ROW).first().waitFor();
    await pricesMove(page);
    expect(await page.locator(ROW).count()).toBeGreaterThan(3);
  });

  it('says that it is live, over what, and how late', async () => {
    await pillSays(page, /^\s*Live/);
    expect(await page.locator('#pill-via').innerText()).toBe('WebSocket · JSON');
    await page.locator('#latency', { hasText: /latency .* ms/ }).waitFor();
    expect(await page.locator('#live').textContent()).toContain('Live');
    await page.locator('#fact-received', { hasText: /\d\/s/ }).waitFor();
    await page.screenshot({ path: `${shots}desktop-dark.png` });
  });

  it('prints every price with the places of its symbol', async () => {
    const places = await page.evaluate(async () => {
      const list = (await (await fetch('/v1/symbols')).json()) as { S: string; places: number }[];
      return Object.fromEntries(list.map((symbol) => [symbol.S, symbol.places]));
    });
    const rows = await page
      .locator(ROW)
      .evaluateAll((all) =>
        all.map((row) => [
          (row as HTMLElement).dataset['symbol']!,
          row.querySelector('.last')!.textContent!,
        ]),
      );
    const priced = rows.filter(([, last]) => last !== '–');
    expect(priced.length).toBeGreaterThan(0);
    for (const [symbol, last] of priced) {
      expect(last!.split('.')[1]?.length ?? 0, `${symbol} ${last}`).toBe(places[symbol!]);
    }
  });

  it('filters while typing, from the keyboard', async () => {
    const all = await page.locator('#fact-symbols').innerText();
    const symbol = (await page.locator(ROW).nth(2).getAttribute('data-symbol'))!;
    await page.keyboard.press('/');
    await page.keyboard.type(symbol.toLowerCase());
    await page.locator('#fact-symbols', { hasText: /^\d[\d,]* of / }).waitFor();
    expect(await page.locator(`${ROW}[data-symbol="${symbol}"]`).count()).toBe(1);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('#fact-symbols').innerText()).toBe(all);
    await page.keyboard.type('no such symbol');
    await page.locator('#empty', { hasText: 'no such symbol' }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator(ROW).first().waitFor();
  });

  it('speaks MessagePack as well', async () => {
    const other = await open(1280, 800, 'dark');
    await other.goto(`${server.url}?format=msgpack`);
    await pillSays(other, /Live.*MessagePack/s);
    await pricesMove(other);
    await other.context().close();
  });

  it('is light where that is preferred', async () => {
    const other = await open(1280, 800, 'light');
    await pricesMove(other);
    const background = await other.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(background).toBe('rgb(245, 246, 248)');
    await other.screenshot({ path: `${shots}desktop-light.png` });
    await other.context().close();
  });

  it('fits a phone of 360 px without sideways scroll', async () => {
    const phone = await open(360, 740, 'dark');
    await pricesMove(phone);
    const widths = await phone.evaluate(() => [
      document.documentElement.scrollWidth,
      document.getElementById('rows')!.scrollWidth,
    ]);
    expect(Math.max(...widths)).toBeLessThanOrEqual(360);
    await phone.screenshot({ path: `${shots}phone-360.png` });
    await phone.context().close();
  });

  it('has missed nothing and had nothing to complain about', async () => {
    expect(await page.locator('#fact-gaps').innerText()).toBe('0');
    expect(complaints).toEqual([]);
  });

  it('says that it reconnects when the server is gone, and what to do', async () => {
    await server.kill();
    await pillSays(page, /Reconnecting/);
    await page.locator('#notice', { hasText: 'make run' }).waitFor();
    expect(await page.locator('#live').textContent()).toContain('reconnecting');
    await page.screenshot({ path: `${shots}desktop-reconnecting.png` });
  });

  it('is live again once the server is back on its port', async () => {
    server = await Server.start(server.port);
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await pillSays(page, /^\s*Live/);
    await page.locator('#notice').waitFor({ state: 'hidden' });
    await pricesMove(page);
  });

  it('starts over when the server comes back with other symbols', async () => {
    await server.kill();
    await pillSays(page, /Reconnecting/);
    server = await Server.start(server.port, ['--symbols', '7']);
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await page.locator('#fact-symbols', { hasText: /^7$/ }).waitFor();
    await pillSays(page, /^\s*Live/);
    await pricesMove(page);
  });
});
