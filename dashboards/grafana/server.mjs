/**
 * A real server for the checks, on free ports, and what it exposes. Found at FEED_SERVER or in the build folder. Waits for
 * the lines that say where it listens, never for a length of time.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const DEADLINE_MS = 20_000;
const root = fileURLToPath(new URL('../../', import.meta.url));

/** Path of one of the project's programs. @param {string} name @param {string | undefined} given */
export function program(name, given) {
  if (given) return given;
  const target = process.env['CARGO_TARGET_DIR'] ?? `${root}target`;
  const found = ['debug', 'release']
    .map((profile) => `${target}/${profile}/${name}`)
    .find(existsSync);
  if (!found) throw new Error(`${name} is not built: run \`cargo build -p ${name}\` first`);
  return found;
}

/**
 * @param {string[]} [more] arguments
 * @returns {Promise<{ url: string, admin: string, stop: () => Promise<void> }>} addresses as `http://HOST:PORT`
 */
export function startServer(more = []) {
  const path = program('feed-server', process.env['FEED_SERVER']);
  const addresses = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];
  const child = spawn(path, [...addresses, '--log-format', 'json', ...more]);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGKILL');
    await gone;
  };
  return new Promise((resolve, reject) => {
    /** @param {string} why */
    const fail = (why) =>
      stop().then(() => reject(new Error(`${path}: ${why}\n${said.join('\n')}`)));
    const late = setTimeout(
      () => fail(`did not say where it listens in ${DEADLINE_MS} ms`),
      DEADLINE_MS,
    );
    /** @type {string[]} */
    const said = [];
    child.once('error', reject);
    child.once('exit', (code) => fail(`ended with ${code}`));
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => {
        if (said.length < 100) said.push(line);
        const all = said.join('\n');
        const url = /listening on (http:\/\/[^/]+)\//.exec(all)?.[1];
        const admin = /(http:\/\/[^/"]+)\/metrics/.exec(all)?.[1];
        if (!url || !admin) return;
        clearTimeout(late);
        resolve({ url, admin, stop });
      });
    }
  });
}

/**
 * The series that a server exposes: name → its label sets.
 * @param {string} admin @returns {Promise<Map<string, Record<string, string>[]>>}
 */
export async function exposed(admin) {
  const text = await (await fetch(`${admin}/metrics`)).text();
  /** @type {Map<string, Record<string, string>[]>} */
  const series = new Map();
  for (const line of text.split('\n')) {
    const match = /^([a-z0-9_]+)(?:\{([^}]*)\})? \S+$/.exec(line);
    if (!match?.[1]) continue;
    const labels = [...(match[2] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1], m[2]]);
    series.set(match[1], [...(series.get(match[1]) ?? []), Object.fromEntries(labels)]);
  }
  return series;
}
