/**
 * The browser under test, and the server as pages see it.
 */
import { execFileSync } from 'node:child_process';
import { chromium, type Browser } from 'playwright-core';
import { FeedServer } from '../../sdk/test/server/feed_server.ts';

/** The real program; its address ends with a slash, as pages have it. */
export class Server {
  readonly url: string;
  readonly port: number;

  private constructor(private readonly server: FeedServer) {
    this.url = `${server.url}/`;
    this.port = server.port;
  }

  static async start(port = 0, more: string[] = []): Promise<Server> {
    return new Server(await FeedServer.start(more, port));
  }

  /** Kills it like a crash; resolves when it is gone. */
  kill(): Promise<void> {
    return this.server.kill();
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
