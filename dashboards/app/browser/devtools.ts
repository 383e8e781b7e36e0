/**
 * A browser with one page, driven over Chromium's debugging pipe with as little as possible switched on. The browser tests'
 * Playwright has every WebSocket frame reported to it, which costs the page several times what it does itself: whoever
 * measures the page must not use it. Protocol: https://chromedevtools.github.io/devtools-protocol/
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { chromiumPath, CHROMIUM_ARGS } from './server.ts';

export type Json = Record<string, unknown>;

interface Answer {
  id?: number;
  method?: string;
  params?: Json;
  result?: Json;
  error?: { message: string };
  sessionId?: string;
}

interface Waiting {
  resolve(result: Json): void;
  reject(error: Error): void;
}

/** What the panel "Performance" of Chromium shows. */
const TRACED = ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'v8.execute'];
const AGAIN_MS = 100;
const DEADLINE_MS = 30_000;
const CLOSE_MS = 5000;

export class Devtools {
  private nextId = 1;
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners: ((method: string, params: Json, sessionId?: string) => void)[] = [];

  private constructor(
    private readonly child: ChildProcess,
    private readonly profile: string,
  ) {
    let rest = '';
    const output = child.stdio[4] as Readable;
    output.setEncoding('utf8').on('data', (text: string) => {
      const whole = (rest + text).split('\0');
      rest = whole.pop()!;
      for (const message of whole) this.hear(JSON.parse(message) as Answer);
    });
    child.once('exit', () => this.fail(new Error('Chromium has ended')));
    child.once('error', (error) => this.fail(error));
  }

  static start(): Devtools {
    const profile = mkdtempSync(join(tmpdir(), 'tickcast-browser-'));
    const args = [...CHROMIUM_ARGS, '--remote-debugging-pipe', `--user-data-dir=${profile}`];
    const child = spawn(chromiumPath(), [...args, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    return new Devtools(child, profile);
  }

  /** Its answer; `sessionId` is the page or worker that is meant, the browser itself if left out. */
  send(method: string, params: Json = {}, sessionId?: string): Promise<Json> {
    const id = this.nextId++;
    const answer = new Promise<Json>((resolve, reject) =>
      this.waiting.set(id, { resolve, reject }),
    );
    (this.child.stdio[3] as Writable).write(
      `${JSON.stringify({ id, method, params, sessionId })}\0`,
    );
    return answer;
  }

  on(listener: (method: string, params: Json, sessionId?: string) => void): void {
    this.listeners.push(listener);
  }

  /** Asks it to end, so that its other processes end before it does: killed at once, they go on writing into the profile. */
  async close(): Promise<void> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      const late = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS);
      this.send('Browser.close').catch(() => {});
      await gone;
      clearTimeout(late);
    }
    await rm(this.profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  private hear({ id, method, params, result, error, sessionId }: Answer): void {
    if (id === undefined) {
      for (const listener of this.listeners) listener(method!, params!, sessionId);
      return;
    }
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result!);
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}

/** One page of that browser, and its workers. */
export class Tab {
  /** Sessions of its workers. */
  readonly workers = new Set<string>();
  /** Errors and warnings so far. */
  readonly complaints: string[] = [];

  private constructor(
    readonly devtools: Devtools,
    readonly session: string,
  ) {
    devtools.on((method, params, from) => {
      if (from !== session) return;
      if (method === 'Target.attachedToTarget') this.workers.add(params['sessionId'] as string);
      if (method === 'Target.detachedFromTarget')
        this.workers.delete(params['sessionId'] as string);
      if (method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params));
      const entry = params['entry'] as { level: string; text: string } | undefined;
      if (entry && ['error', 'warning'].includes(entry.level)) this.complaints.push(entry.text);
    });
  }

  /** An empty page. */
  static async open(devtools: Devtools, width: number, height: number): Promise<Tab> {
    const { targetInfos } = await devtools.send('Target.getTargets');
    const { targetId } = (targetInfos as { type: string; targetId: string }[]).find(
      ({ type }) => type === 'page',
    )!;
    const attached = await devtools.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(devtools, attached['sessionId'] as string);
    const viewport = { width, height, deviceScaleFactor: 1, mobile: false };
    await tab.send('Emulation.setDeviceMetricsOverride', viewport);
    await tab.send('Runtime.enable');
    await tab.send('Log.enable');
    const attach = { autoAttach: true, waitForDebuggerOnStart: false, flatten: true };
    await tab.send('Target.setAutoAttach', attach);
    return tab;
  }

  send(method: string, params: Json = {}): Promise<Json> {
    return this.devtools.send(method, params, this.session);
  }

  /** What `expression` comes to in the page; a promise is awaited. */
  async evaluate<T>(expression: string): Promise<T> {
    const how = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', how);
    if (exceptionDetails) throw new Error(`in the page: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value: T }).value;
  }

  /** Waits until `expression` is true in the page. */
  async until(expression: string): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS;
    while (!(await this.evaluate<boolean>(expression).catch(() => false))) {
      if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  /** Goes to `url`, where the element `id` has to appear. */
  async go(url: string, id: string): Promise<void> {
    await this.send('Page.navigate', { url });
    await this.until(`document.getElementById('${id}') !== null`);
  }

  /** Records a trace until `work` is over; the events. */
  async trace(work: () => Promise<unknown>): Promise<unknown[]> {
    const events: unknown[] = [];
    const { devtools } = this;
    const over = new Promise<void>((resolve) => {
      devtools.on((method, params) => {
        if (method === 'Tracing.dataCollected') events.push(...(params['value'] as unknown[]));
        if (method === 'Tracing.tracingComplete') resolve();
      });
    });
    const traceConfig = { includedCategories: TRACED, excludedCategories: ['*'] };
    await devtools.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig });
    await work();
    await devtools.send('Tracing.end');
    await over;
    return events;
  }
}
