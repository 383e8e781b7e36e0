/**
 * What the browser tests do with the market page: open it, wait for what it shows, read its candles. Every wait has a
 * condition and a deadline.
 */
import { readFile } from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

export const DEADLINE_MS = 15_000;
export const ROW = '.watchlist .row:not([hidden])';
const shots = fileURLToPath(new URL('../test-results/', import.meta.url));

export interface Opened {
  page: Page;
  /** Errors and warnings of the page so far. */
  complaints: string[];
  close(): Promise<void>;
}

export async function open(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const viewport = { width: 1280, height: 800 };
  const context = await browser.newContext({ viewport, colorScheme: 'dark', ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.setDefaultTimeout(DEADLINE_MS);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

export async function pillSays(page: Page, words: RegExp): Promise<void> {
  await page.locator('#pill', { hasText: words }).waitFor();
}

/** Waits until prices, candles and trades are there, and prices have moved since. */
export async function alive(page: Page): Promise<void> {
  await page.locator(`${ROW} .last`, { hasText: /\d/ }).first().waitFor();
  await page.locator('.trade:not([hidden])').first().waitFor({ state: 'attached' });
  await expect.poll(() => bars(page), { timeout: DEADLINE_MS }).toBeGreaterThan(50);
  const prices = (): Promise<string> => page.locator(`${ROW} .last`).allTextContents().then(String);
  const before = await prices();
  await expect.poll(prices, { timeout: DEADLINE_MS }).not.toBe(before);
  await page.locator('#fact-received', { hasText: /[1-9].*\/s/ }).waitFor();
}

/** How many candles are loaded. */
export async function bars(page: Page): Promise<number> {
  return Number(await page.locator('#chart').getAttribute('data-bars'));
}

/** The page's candles by their start, each as text, without the header. */
export async function candles(page: Page): Promise<Map<string, string>> {
  const downloading = page.waitForEvent('download');
  await page.locator('#csv').click();
  const text = await readFile(await (await downloading).path(), 'utf8');
  const lines = text.trim().split('\n').slice(1);
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(',')), line]));
}

/** The server's candles in the same form: digits are copied, never read as numbers. */
export async function served(
  url: string,
  symbol: string,
  interval: string,
): Promise<Map<string, string>> {
  const question = `v1/bars?symbol=${symbol}&interval=${interval}&limit=5000`;
  const text = await (await fetch(new URL(question, url))).text();
  const each =
    /"ts":(\d+),"O":([\d.]+),"H":([\d.]+),"L":([\d.]+),"C":([\d.]+),"v":(\d+),"c":(\d+),"x":(\w+)/g;
  return new Map([...text.matchAll(each)].map((match) => [match[1]!, match.slice(1, 9).join()]));
}

/** Whether every final candle of the page from `from` on is the server's, and none between is missing; how many there are. */
export async function compared(
  page: Page,
  url: string,
  symbol: string,
  interval: string,
): Promise<number> {
  const shown = await candles(page);
  const truth = await served(url, symbol, interval);
  const final = [...shown].filter(([, line]) => line.endsWith(',true'));
  for (const [start, line] of final) expect(line, `bar ${start}`).toBe(truth.get(start));
  const [first, last] = [final[0]![0], final.at(-1)![0]];
  const expected = [...truth.keys()].filter((start) => start >= first && start <= last);
  expect(final.map(([start]) => start)).toEqual(expected);
  return final.length;
}

export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: `${shots}${name}.png` });
}
