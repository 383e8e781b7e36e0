/**
 * The server page in a real browser against a real server: that it shows what the server's metrics say, and what it says
 * without them. Leaves screenshots in `test-results/`.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serious } from './axe.ts';
import { DEADLINE_MS, open, shoot, type Opened } from './market.ts';
import { launch, Server } from './server.ts';

const PANELS = [
  ...['messages', 'publish', 'connections', 'bytes', 'merged', 'slow', 'queues', 'lateness'],
  'requests',
];

let server: Server;
let browser: Browser;
let opened: Opened;
let page: Page;

beforeAll(async () => {
  server = await Server.start(0, ['--lab']);
  browser = await launch();
  opened = await open(browser, `${server.url}server.html`);
  page = opened.page;
});
afterAll(async () => {
  await browser?.close();
  await server?.kill();
});

async function legend(panel: string, line: string): Promise<string> {
  const entry = page.locator(`[data-panel=${panel}] .legend li`, { hasText: line });
  return entry.locator('.legend-value').innerText();
}

/** Reads all events until `signal` says enough. */
async function listen(signal: AbortSignal): Promise<void> {
  const answer = await fetch(`${server.url}v1/stream?symbols=*`, { signal });
  const reader = answer.body!.getReader();
  while (!(await reader.read()).done);
}

/** Messages a second on HTTP streams, from the server's own metrics over three seconds. */
async function sentRate(): Promise<number> {
  const total = async (): Promise<number> => {
    const text = await (await fetch(`${server.url}lab/metrics`)).text();
    return Number(/tickcast_messages_sent_total\{transport="stream"\} (\d+)/.exec(text)![1]);
  };
  const [before, begun] = [await total(), Date.now()];
  await expect.poll(() => Date.now() - begun, { timeout: DEADLINE_MS }).toBeGreaterThan(3000);
  return ((await total()) - before) / ((Date.now() - begun) / 1000);
}

async function tile(id: string): Promise<string> {
  return page.locator(`[data-tile=${id}]`).innerText();
}

describe('server page', () => {
  it('draws a panel for everything', async () => {
    await page.locator('#pill-text', { hasText: 'Live' }).waitFor();
    for (const id of PANELS) {
      await page.locator(`[data-panel=${id}] canvas`).waitFor();
    }
    await expect.poll(() => tile('events'), { timeout: DEADLINE_MS }).toMatch(/[12],\d{3}\/s/);
    // Something was drawn, and not the axes alone: pixels in the colour of the first line.
    const drawn = (panel: string): Promise<number> =>
      page.locator(`[data-panel=${panel}] canvas`).evaluate((canvas: HTMLCanvasElement) => {
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        let blue = 0;
        for (let at = 0; at < data.length; at += 4) {
          if (data[at + 2]! > 200 && data[at]! < 150 && data[at + 3]! > 200) blue += 1;
        }
        return blue;
      });
    await expect.poll(() => drawn('lateness'), { timeout: DEADLINE_MS }).toBeGreaterThan(20);
  });

  it('follows connections and messages', async () => {
    expect(await legend('connections', 'HTTP stream')).toBe('0');
    const leave = new AbortController();
    const streams = [1, 2, 3].map(() => listen(leave.signal));
    const open = () => legend('connections', 'HTTP stream');
    await expect.poll(open, { timeout: DEADLINE_MS }).toBe('3');
    const messages = (): Promise<number> =>
      legend('messages', 'HTTP stream').then((text) => Number(text.replace(/[,/s]/g, '')));
    // Much as the metrics themselves say, whatever this machine manages.
    const ratio = async (): Promise<number> => (await messages()) / (await sentRate());
    await expect.poll(ratio, { timeout: DEADLINE_MS }).toBeGreaterThan(0.6);
    expect(await messages()).toBeGreaterThan(500);
    expect(await ratio()).toBeLessThan(1.7);
    expect(await page.locator('#sentence').innerText()).toMatch(/messages a second to 3 conn|slow/);
    expect(await legend('publish', 'p99')).toMatch(/ m?s$/);
    expect(await tile('gaps')).toContain('0');
    await shoot(page, 'server-desktop-dark');
    leave.abort();
    await Promise.allSettled(streams);
    await expect.poll(open, { timeout: DEADLINE_MS }).toBe('0');
    await page.locator('#sentence', { hasText: 'nobody is connected' }).waitFor();
  });

  it('shows the values under the pointer', async () => {
    const chart = page.locator('[data-panel=connections] .u-over');
    const box = (await chart.boundingBox())!;
    // Where a connection was open: to the left of now.
    const y = box.y + box.height / 2;
    const open = () => legend('connections', 'HTTP stream');
    await expect.poll(open, { timeout: DEADLINE_MS }).toBe('0');
    const seen = new Set<string>();
    for (let share = 0.02; share < 1; share += 0.02) {
      await page.mouse.move(box.x + box.width * share, y);
      seen.add(await open());
    }
    expect(seen).toContain('3');
    await page.mouse.move(0, 0);
    await expect.poll(open).toBe('0');
  });

  it('says its state to those who listen, and has no serious finding of axe', async () => {
    await page.locator('body').press('s');
    await page.locator('#live', { hasText: /nobody is connected/ }).waitFor({ state: 'attached' });
    const label = await page
      .locator('[data-panel=connections] [role=img]')
      .getAttribute('aria-label');
    expect(label).toMatch(/^Connections, chart. Now: WebSocket 0, /);
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('t');
    expect(await serious(page)).toEqual([]);
    await shoot(page, 'server-desktop-light');
    // That the canvas was read back is this test's own doing.
    const own = /willReadFrequently/;
    expect(opened.complaints.filter((complaint) => !own.test(complaint))).toEqual([]);
  });

  it.each(['dark', 'light'] as const)('fits a phone of 360 px, %s', async (colorScheme) => {
    const phone = await open(browser, `${server.url}server.html`, {
      ...{ viewport: { width: 360, height: 740 }, colorScheme, hasTouch: true, isMobile: true },
    });
    await phone.page.locator('[data-tile=events]').waitFor();
    const wide = await phone.page.evaluate(() =>
      [...document.querySelectorAll('body *')]
        .filter((part) => part.getBoundingClientRect().right > 360.5)
        .filter((part) => getComputedStyle(part).clipPath === 'none' && !part.closest('.uplot'))
        .map((part) => part.className || part.tagName),
    );
    expect(wide).toEqual([]);
    expect(await serious(phone.page)).toEqual([]);
    await shoot(phone.page, `server-360-${colorScheme}`);
    await phone.close();
  });

  it('says when the server is away, and goes on when it is back', async () => {
    await server.kill();
    await page.locator('#notice', { hasText: 'No server answers' }).waitFor();
    server = await Server.start(server.port, ['--lab']);
    await page.locator('#notice').waitFor({ state: 'hidden' });
    await expect.poll(() => tile('events'), { timeout: DEADLINE_MS }).toMatch(/[12],\d{3}\/s/);
  });

  it('says where metrics are on a server without a laboratory', async () => {
    const plain = await Server.start();
    const visit = await open(browser, `${plain.url}server.html`);
    await visit.page.locator('#no-lab', { hasText: '--lab' }).waitFor();
    expect(await visit.page.locator('#body').isVisible()).toBe(false);
    expect(await serious(visit.page)).toEqual([]);
    await visit.close();
    await plain.kill();
  });

  it('asks for one once, and again when somebody comes back', async () => {
    let plain = await Server.start();
    const visit = await open(browser, plain.url);
    let asked = 0;
    visit.page.on('request', (request) => {
      if (new URL(request.url()).pathname === '/lab/metrics') asked += 1;
    });
    await visit.page.goto(`${plain.url}server.html`);
    await visit.page.locator('#no-lab', { hasText: '--lab' }).waitFor();
    await plain.kill();
    plain = await Server.start(plain.port, ['--lab']);
    expect(asked).toBe(1);
    await visit.page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await visit.page.locator('[data-tile=events]').waitFor();
    expect(await visit.page.locator('#no-lab').isVisible()).toBe(false);
    await visit.close();
    await plain.kill();
  });
});
