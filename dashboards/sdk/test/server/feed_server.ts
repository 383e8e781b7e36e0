/**
 * The real program under test, on a free port, found at `FEED_SERVER` or in the build folder. Waits for the line that says
 * it listens, and for its end; never for a length of time.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const DEADLINE_MS = 20_000;
const root = fileURLToPath(new URL('../../../../', import.meta.url));

function program(): string {
  if (process.env['FEED_SERVER']) return process.env['FEED_SERVER'];
  const target = process.env['CARGO_TARGET_DIR'] ?? `${root}target`;
  const built = ['debug', 'release'].map((profile) => `${target}/${profile}/feed-server`);
  const found = built.find((path) => existsSync(path));
  if (!found) throw new Error('feed-server is not built: run `cargo build -p feed-server` first');
  return found;
}

export class FeedServer {
  readonly url: string;
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string, port: number) {
    this.#child = child;
    this.url = url;
    this.port = port;
  }

  /** Resolves when the server has said where it listens. */
  static start(more: string[] = [], port = 0): Promise<FeedServer> {
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
        const match = /listening on (http:\/\/[^/]+:(\d+))\//.exec(line);
        if (!match) return;
        clearTimeout(late);
        resolve(new FeedServer(child, match[1]!, Number(match[2])));
      });
    });
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    this.#child.kill(signal);
  }

  /** Kills it like a crash; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}
