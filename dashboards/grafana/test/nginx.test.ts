/**
 * The proxy configuration of `feed-server/ops/nginx.conf`, in a real nginx between the client library and a real server:
 * every transport brings every event, at once. Skipped where nginx is not installed (Debian: nginx-light).
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Ledger } from '../../sdk/test/server/ledger.ts';
import { startServer } from '../server.mjs';

const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };
const present = !spawnSync('nginx', ['-v'], { env }).error;
const conf = fileURLToPath(new URL('../../../feed-server/ops/nginx.conf', import.meta.url));

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

describe.skipIf(!present)('through nginx', () => {
  let server: Awaited<ReturnType<typeof startServer>>;
  let nginx: ChildProcess;
  let url: string;
  const folder = mkdtempSync(`${tmpdir()}/tickcast-nginx-`);

  beforeAll(async () => {
    server = await startServer(['--symbols', '20', '--rate', '600', '--shards', '2']);
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const ours = readFileSync(conf, 'utf8');
    const here = ours
      .replace('server 127.0.0.1:8080;', `server ${new URL(server.url).host};`)
      .replace('listen 8443;', `listen 127.0.0.1:${port};`);
    expect(here).toContain(`listen 127.0.0.1:${port};`);
    expect(here).toContain(new URL(server.url).host);
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    for (const path of paths) mkdirSync(`${folder}/${path}`);
    const temporary = paths.map((path) => `${path}_temp_path ${folder}/${path};`).join('\n');
    writeFileSync(
      `${folder}/nginx.conf`,
      `daemon off; pid ${folder}/pid; events {} http { access_log off; ${temporary}\n${here}\n}`,
    );
    const args = ['-p', folder, '-e', `${folder}/error.log`, '-c', `${folder}/nginx.conf`];
    const tested = spawnSync('nginx', [...args, '-t'], { env, encoding: 'utf8' });
    expect(tested.status, tested.stderr).toBe(0);
    nginx = spawn('nginx', args, { env, stdio: 'ignore' });
    await vi.waitFor(
      async () => expect((await fetch(`${url}/v1/symbols`)).status).toBe(200),
      20_000,
    );
  });
  afterAll(async () => {
    const gone = new Promise((resolve) => nginx?.once('exit', resolve) ?? resolve(0));
    nginx?.kill('SIGTERM');
    await gone;
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(['ws', 'sse', 'stream', 'longpoll', 'poll'] as const)(
    '%s brings every event',
    async (transport) => {
      const ledger = new Ledger({ url, transports: [transport], pollMs: 100, waitMs: 2000 });
      try {
        ledger.client.connect();
        ledger.client.subscribe({ symbols: ['*'] });
        await ledger.more(600);
        expect(ledger.client.status).toMatchObject({ state: 'live', transport });
        expect(ledger.faults).toEqual([]);
        expect(ledger.client.stats()).toMatchObject({ gaps: 0, repeats: 0, reconnects: 0 });
      } finally {
        ledger.client.close();
      }
    },
  );

  test.each(['sse', 'stream'])('%s is not held back until a buffer is full', async (path) => {
    const stop = new AbortController();
    const query = 'symbols=*&mode=latest&interval_ms=500';
    const answer = await fetch(`${url}/v1/${path}?${query}`, { signal: stop.signal });
    // Several pieces, each far smaller than nginx' buffers, arrive one by one.
    const reader = answer.body!.getReader();
    let pieces = 0;
    let bytes = 0;
    while (pieces < 5) {
      bytes += (await reader.read()).value!.length;
      pieces += 1;
    }
    stop.abort();
    expect(bytes).toBeLessThan(5 * 8192);
  });

  test('a long poll waits for its time, and ends with an empty answer', async () => {
    const { cursor } = await (await fetch(`${url}/v1/poll?symbols=*&channels=status`)).json();
    const began = Date.now();
    const query = `symbols=*&channels=status&since=${cursor}&wait_ms=1500`;
    const answer = await fetch(`${url}/v1/long-poll?${query}`);
    expect(answer.status).toBe(200);
    const { messages } = await answer.json();
    expect(messages).toEqual([]);
    expect(Date.now() - began).toBeGreaterThanOrEqual(1400);
  });
});
