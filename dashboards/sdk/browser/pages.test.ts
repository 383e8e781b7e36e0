/**
 * The client in a real browser: the plain page of the examples, served from another origin than the data, over a WebSocket,
 * through a proxy that refuses upgrades, and in a Worker; and what happens to it when the network goes and comes.
 */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { launch, Server } from '../../app/browser/server.ts';
import type { FeedClient } from '../src/index.ts';
import { BadProxy } from '../test/server/bad_proxy.ts';

const dashboards = fileURLToPath(new URL('../../', import.meta.url));
const TYPES: Record<string, string> = { '.js': 'text/javascript', '.html': 'text/html' };
const EXAMPLE = '/examples/html/index.html';

let feed: Server;
let proxy: BadProxy;
let files: HttpServer;
let origin: string;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let faults: string[];

beforeAll(async () => {
  execFileSync('npm', ['run', 'build', '-w', 'sdk'], { cwd: dashboards });
  feed = await Server.start(0, ['--symbols', '10', '--rate', '300']);
  proxy = await BadProxy.start(feed.port);
  files = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://x');
    readFile(`${dashboards}${pathname}`).then(
      (content) => {
        response.writeHead(200, { 'content-type': TYPES[extname(pathname)] ?? 'text/plain' });
        response.end(content);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  files?.close();
  proxy?.close();
  await feed?.kill();
});
beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
  faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
});
afterEach(async () => {
  await context.close();
  Object.assign(proxy, { refuse: [], hold: [] });
});

it('the plain page shows prices that change', async () => {
  await page.goto(`${origin}${EXAMPLE}?server=${feed.url}`);
  await page.waitForFunction(() => document.querySelectorAll('tr').length === 10);
  const prices = (): Promise<string> => page.locator('table').innerText();
  const first = await prices();
  expect(first).toMatch(/\d+\.\d{2}/);
  await page.waitForFunction((old) => document.querySelector('table')!.innerText !== old, first);
  expect(await page.locator('#state').innerText()).toBe('live');
  expect(faults).toEqual([]);
});

it.each([
  ['sse', { refuse: ['/v1/ws'], hold: [] }],
  ['stream', { refuse: ['/v1/ws', '/v1/sse'], hold: [] }],
  ['longpoll', { refuse: ['/v1/ws', '/v1/sse', '/v1/stream'], hold: [] }],
  ['poll', { refuse: ['/v1/ws', '/v1/sse', '/v1/stream', '/v1/long-poll'], hold: [] }],
] as const)('another origin is reached over %s where nothing better passes', async (name, bad) => {
  Object.assign(proxy, bad);
  await page.goto(`${origin}/examples/README.md`);
  const seen = await inPage<{ events: number }>('watch', { url: proxy.url });
  expect(seen).toMatchObject({ transport: name, faults: [] });
  expect(seen.events).toBeGreaterThanOrEqual(100);
});

it('runs in a Worker', async () => {
  await page.goto(`${origin}/examples/README.md`);
  const options = { url: feed.url.replace(/\/$/, ''), format: 'msgpack' };
  const seen = await page.evaluate(
    (options) =>
      new Promise<unknown>((resolve, reject) => {
        const worker = new Worker('/sdk/browser/watch.js', { type: 'module' });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => reject(new Error(event.message));
        worker.postMessage(options);
      }),
    options,
  );
  expect(seen).toMatchObject({ transport: 'ws', format: 'msgpack', faults: [] });
});

it('dials at once when the network is back, however long it was to wait', async () => {
  // The longest waits there are.
  await page.addInitScript(() => (Math.random = () => 0.999));
  await page.goto(`${origin}/examples/README.md`);
  await inPage('connect', { url: proxy.url, transports: ['ws'] });
  await page.waitForFunction(() => globalThis.client.status.state === 'live');
  await context.setOffline(true);
  proxy.cut();
  const waiting = await page.waitForFunction(() => {
    const { attempt, retryAt } = globalThis.client.status;
    return attempt >= 5 && retryAt! - Date.now() > 3000 && retryAt;
  });
  const due = (await waiting.jsonValue()) as number;
  await context.setOffline(false);
  await page.waitForFunction(() => globalThis.client.status.state === 'live');
  expect(Date.now()).toBeLessThan(due);
});

declare global {
  var client: FeedClient;
}

/** Calls a function of `watch.js`. As text: what is written here would be rewritten for Node. */
function inPage<T>(name: string, options: object): Promise<T> {
  return page.evaluate<T>(
    `import('/sdk/browser/watch.js').then((part) => part.${name}(${JSON.stringify(options)}))`,
  );
}
