/**
 * Starts and stops the browser and the server under test: the real program on a free port, found at `FEED_SERVER` or in the
 * build folder. Waits for the line that says it listens, and for its end; never for a length of time.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser } from 'playwright-core';

const DEADLINE_MS = 20_000;
const root = fileURLToPath(new URL('../../../', import.meta.url));

function program(): string {
  if (process.env['FEED_SERVER']) return process.env['FEED_SERVER'];
  const target = process.env['CARGO_TARGET_DIR'] ?? `${root}target`;
  const built = ['debug', 'release'].map((profile) => `${target}/${profile}/feed-server`);
  const found = built.find((path) => existsSync(path));
  if (!found) throw new Error('feed-server is not built: run `cargo build --workspace` first');
  return found;
}

export class Server {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    readonly port: number,
  ) {}

  /** Resolves when the server has said where it listens. */
  static start(port = 0, more: string[] = []): Promise<Server> {
    const listen = ['--listen', `127.0.0.1:${port}`, '--admin-listen', '127.0.0.1:0'];
    const child = spawn(program(), [...listen, ...more], { stdio: ['ignore', 'pipe', 'inherit'] });
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`no "listening on" line within ${DEADLINE_MS} ms`));
      }, DEADLINE_MS);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        const match = /listening on (http:\/\/[^/]+:(\d+)\/)/.exec(line);
        if (!match) return;
        clearTimeout(late);
        resolve(new Server(child, match[1]!, Number(match[2])));
      });
    });
  }

  /** Kills it like a crash; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }
}

/** Without a window, and quiet on the network. */
export const CHROMIUM_ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_ARGS });
}

/** Chromium's path, or an error that says what to install. */
export function chromiumPath(): string {
  const named = process.env['CHROMIUM'];
  if (named) return named;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim();
    } catch {
      continue;
    }
  }
  throw new Error('no Chromium: install it (Debian: `apt-get install chromium`) or set CHROMIUM');
}
