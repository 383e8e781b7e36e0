/**
 * The market page when the connection suffers: a server that is killed and started again, a network that goes away, a tab
 * that is hidden, another transport. And the promise that throttling costs no digit of a candle.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cable } from './cable.ts';
import { alive, bars, compared, DEADLINE_MS, open, pillSays, shoot } from './market.ts';
import { launch, Server } from './server.ts';

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await server?.kill();
});

/** Waits until so many candles more are loaded. */
async function grows(page: Page, by: number): Promise<void> {
  const before = await bars(page);
  const timeout = DEADLINE_MS + by * 1500;
  await expect.poll(() => bars(page), { timeout }).toBeGreaterThanOrEqual(before + by);
}

describe('candles', () => {
  it('are the same, digit by digit, on a page that is sent one message a second', async () => {
    const url = `${server.url}?symbol=AAPL&interval=1s&interval_ms=1000`;
    const { page, complaints, close } = await open(browser, url);
    await alive(page);
    await grows(page, 15);
    expect(await compared(page, server.url, 'AAPL', '1s')).toBeGreaterThan(15);
    expect(complaints).toEqual([]);
    await close();
  });
});

describe('a network that goes away', () => {
  it('is said, and nothing is missing when it is back', async () => {
    const cable = await Cable.start(server.port);
    const { page, close } = await open(browser, `${cable.url}?symbol=AAPL&interval=1s`);
    await alive(page);
    await page.context().setOffline(true);
    cable.cut();
    await pillSays(page, /Offline/);
    await page.locator('#notice', { hasText: 'offline' }).waitFor();
    const quiet = await bars(page);
    cable.mend();
    await page.context().setOffline(false);
    await pillSays(page, /^\s*Live/);
    await page.locator('#notice').waitFor({ state: 'hidden' });
    await page.locator('#chart[data-marks="1"]').waitFor();
    expect(await page.locator('#chart').getAttribute('data-gaps')).toBe('0');
    await expect.poll(() => bars(page), { timeout: DEADLINE_MS }).toBeGreaterThan(quiet + 3);
    await compared(page, server.url, 'AAPL', '1s');
    expect(await page.locator('#fact-gaps').innerText()).toBe('0');
    await shoot(page, 'market-resumed');
    await close();
    cable.close();
  });
});

describe('a hidden tab', () => {
  it('lets its connection go, and has everything when it is seen again', async () => {
    const { page, close } = await open(browser, `${server.url}?symbol=AAPL&interval=1s`);
    await alive(page);
    await seen(page, false);
    await expect
      .poll(() => page.locator('#pill-text').innerText(), { timeout: 40_000 })
      .toBe('Paused');
    await seen(page, true);
    await pillSays(page, /^\s*Live/);
    await page.locator('#chart[data-marks="1"]').waitFor();
    await grows(page, 2);
    await compared(page, server.url, 'AAPL', '1s');
    await close();
  });

  /** Headless Chromium never hides a page, so the page is told what a browser would tell it. */
  async function seen(page: Page, visible: boolean): Promise<void> {
    await page.evaluate((visible) => {
      Object.defineProperty(document, 'hidden', { configurable: true, value: !visible });
      document.dispatchEvent(new Event('visibilitychange'));
    }, visible);
  }
});

describe('transports', () => {
  it.each([
    ['?format=msgpack', 'WebSocket · MessagePack'],
    ['?transport=sse', 'SSE · JSON'],
    ['?transport=stream', 'HTTP stream · JSON'],
    ['?transport=longpoll', 'Long poll · JSON'],
    ['?transport=poll', 'Polling · JSON'],
  ])('%s shows the same', async (query, via) => {
    const { page, complaints, close } = await open(browser, `${server.url}${query}`);
    await pillSays(page, /^\s*Live/);
    expect(await page.locator('#pill-via').innerText()).toBe(via);
    await alive(page);
    expect(complaints).toEqual([]);
    await close();
  });

  it('are changed in the panel behind the pill', async () => {
    const { page, close } = await open(browser, server.url);
    await alive(page);
    await page.locator('#pill').click();
    await page.locator('#transport').selectOption('sse');
    await page.locator('#pill-via', { hasText: 'SSE' }).waitFor();
    expect(page.url()).toContain('transport=sse');
    await page.keyboard.press('Escape');
    await alive(page);
    await close();
  });
});

describe('a server that is killed', () => {
  it('is missed, found again, and its absence is marked', async () => {
    const { page, close } = await open(browser, `${server.url}?symbol=AAPL&interval=1s`);
    await alive(page);
    await server.kill();
    await pillSays(page, /Reconnecting/);
    await page.locator('#notice', { hasText: 'make run' }).waitFor();
    expect(await page.locator('#live').textContent()).toContain('reconnecting');
    await shoot(page, 'market-reconnecting');
    server = await Server.start(server.port);
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await pillSays(page, /^\s*Live/);
    await page.locator('#notice').waitFor({ state: 'hidden' });
    await page.locator('#chart[data-gaps="1"]').waitFor();
    expect(await page.locator('#fact-gaps').innerText()).toBe('1');
    await alive(page);
    await grows(page, 2);
    await compared(page, server.url, 'AAPL', '1s');
    await shoot(page, 'market-gap');
    await close();
  });

  it('is started over with when it comes back with other symbols', async () => {
    const { page, close } = await open(browser, server.url);
    await alive(page);
    await server.kill();
    await pillSays(page, /Reconnecting/);
    server = await Server.start(server.port, ['--symbols', '7']);
    // It may have found the server by itself, and be loading again already.
    await page.evaluate(() => window.dispatchEvent(new Event('online'))).catch(() => {});
    await page.locator('#fact-symbols', { hasText: /^7$/ }).waitFor();
    await pillSays(page, /^\s*Live/);
    await alive(page);
    await close();
  });
});
