/**
 * The React example as its author would run it: Vite's development server, where StrictMode mounts everything twice, a real
 * browser and a real server of data on another origin.
 */
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { createServer, type ViteDevServer } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launch, Server } from '../../app/browser/server.ts';

const root = fileURLToPath(new URL('../../examples/react/', import.meta.url));

let feed: Server;
let vite: ViteDevServer;
let browser: Browser;
let page: Page;
const faults: string[] = [];
/** WebSockets of data that are open. */
let open = 0;

beforeAll(async () => {
  feed = await Server.start(0, ['--symbols', '10', '--rate', '300']);
  vite = await createServer({
    ...{ root, configFile: false, logLevel: 'error' },
    define: { 'import.meta.env.VITE_FEED': JSON.stringify(feed.url) },
    resolve: { conditions: ['source', 'module', 'browser', 'development'] },
    server: { host: '127.0.0.1', port: 0 },
  });
  await vite.listen();
  browser = await launch();
  page = await browser.newPage();
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('websocket', (socket) => {
    if (!socket.url().includes('/v1/ws')) return;
    open += 1;
    socket.on('close', () => (open -= 1));
  });
  await page.goto(vite.resolvedUrls!.local[0]!);
});
afterAll(async () => {
  await browser?.close();
  await vite?.close();
  await feed?.kill();
});

const list = (): Promise<string> => page.locator('ul').innerText();

async function pricesMove(): Promise<void> {
  await page.waitForFunction(() =>
    /AAPL \d+\.\d\d\s+MSFT \d+\.\d\d\s+NVDA \d+\.\d\d/.test(
      document.querySelector('ul')!.innerText,
    ),
  );
  const before = await list();
  await expect.poll(list, { timeout: 15_000 }).not.toBe(before);
}

it('shows prices that change, over one connection', async () => {
  await page.locator('[role=status]', { hasText: 'live over ws' }).waitFor();
  await pricesMove();
  await expect.poll(() => open).toBe(1);
  expect(faults).toEqual([]);
});

it('says that the server is away, and goes on when it is back', async () => {
  await feed.kill();
  await page.locator('[role=status]', { hasText: 'reconnecting' }).waitFor();
  feed = await Server.start(feed.port, ['--symbols', '10', '--rate', '300']);
  await page.locator('[role=status]', { hasText: 'live over ws' }).waitFor();
  await pricesMove();
  expect(faults).toEqual([]);
});
