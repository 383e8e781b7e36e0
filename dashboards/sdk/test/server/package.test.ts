/**
 * The package as it is published: packed, installed in an empty project, compiled against under both ways of resolving
 * modules, and its example run against the real server.
 */
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FeedServer } from './feed_server.ts';

const run = promisify(execFile);
const dashboards = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tickcast-package-'));
const project = join(folder, 'project');

beforeAll(async () => {
  const built = join(folder, 'packed');
  mkdirSync(project);
  mkdirSync(built);
  await run('npm', ['run', 'build', '-w', 'sdk'], { cwd: dashboards });
  const pack = ['pack', '-w', 'sdk', '--json', '--pack-destination', built];
  const { stdout } = await run('npm', pack, { cwd: dashboards });
  const packed = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  const [{ filename, files }] = Object.values(packed) as [(typeof packed)[0]];
  expect(files.map((file) => file.path)).toEqual(
    expect.arrayContaining([
      'README.md',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/browser/tickcast.js',
    ]),
  );
  expect(files.filter(({ path }) => /\.ts$/.test(path) && !/\.d\.ts$/.test(path))).toEqual([]);
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  // No registry: there is nothing else to install.
  await run('npm', ['install', '--offline', join(built, filename)], { cwd: project });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

const PROGRAM = `
import { FeedClient, FeedError, formatPrice, type Trade, type FeedStats } from '@tickcast/client';
import { CandleFeed } from '@tickcast/client/lightweight-charts';
import { Datafeed } from '@tickcast/client/tradingview';
import { decodeMsgpack, SymbolTable } from '@tickcast/client/msgpack';
import { parsePrice } from '@tickcast/client/prices';

export async function use(client: FeedClient): Promise<string> {
  const subscription = client.subscribe({ symbols: ['AAPL'], mode: 'latest', interval_ms: 250 });
  subscription.on('trade', (trade) => console.log(trade.S, trade.p));
  for await (const item of subscription.latest()) {
    if (item.T === 't') return show(item);
  }
  const stats: FeedStats = client.stats();
  return String(stats.staleness_ms?.p99 ?? parsePrice('1.5').units);
}
const show = (trade: Trade): string => formatPrice(trade.p, trade.places);
export const all = [CandleFeed, Datafeed, decodeMsgpack, SymbolTable, FeedError];
// @ts-expect-error: there is no such option, and the types know it.
export const wrong = new FeedClient({ url: '', transport: 'ws' });
`;

it.each([
  ['node16', 'node16'],
  ['bundler', 'esnext'],
])('its types work with moduleResolution %s', async (moduleResolution, module) => {
  writeFileSync(join(project, 'program.ts'), PROGRAM);
  const compilerOptions = {
    ...{ strict: true, noEmit: true, target: 'es2022', lib: ['es2022', 'dom'], types: [] },
    ...{ module, moduleResolution, skipLibCheck: false, exactOptionalPropertyTypes: true },
  };
  const config = { compilerOptions, files: ['program.ts'] };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(dashboards, 'node_modules/.bin/tsc');
  const { stdout } = await run(tsc, ['-p', project]).catch((error: { stdout: string }) => error);
  expect(stdout).toBe('');
});

it('its example prints trades of the real server', async () => {
  const server = await FeedServer.start(['--symbols', '3', '--rate', '100']);
  copyFileSync(join(dashboards, 'examples/node/ticker.mjs'), join(project, 'ticker.mjs'));
  const ticker = spawn(process.execPath, ['ticker.mjs', server.url], { cwd: project });
  const errors: string[] = [];
  ticker.stderr.on('data', (text) => errors.push(String(text)));
  try {
    const lines: string[] = [];
    for await (const line of createInterface({ input: ticker.stdout })) {
      lines.push(line);
      if (lines.length === 20) ticker.kill('SIGINT');
    }
    expect(lines.length, errors.join('')).toBeGreaterThanOrEqual(20);
    for (const line of lines) expect(line).toMatch(/^[A-Z0-9.:/-]+ \d+(\.\d+)? \d+ ?(merged)?$/);
  } finally {
    ticker.kill('SIGKILL');
    await server.kill();
  }
});

it('depends on nothing', () => {
  const manifest = readFileSync(
    join(project, 'node_modules/@tickcast/client/package.json'),
    'utf8',
  );
  expect(JSON.parse(manifest)).not.toHaveProperty('dependencies');
});
