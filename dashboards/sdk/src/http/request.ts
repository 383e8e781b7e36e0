/**
 * One GET with a time limit, and its refusals as errors that say whether the server is away, does not have the path, or does
 * not want us. Adds no header that a browser would ask permission for, so that other origins cost no preflight.
 */
import { FeedError } from '../errors.ts';
import { endpoint, FIRST_BYTE_MS } from '../transport.ts';

export interface HttpOptions {
  url: string;
  fetch?: typeof fetch;
  firstByteMs?: number;
}

export type Params = Record<string, string | number | boolean | undefined>;

/** A request that ends when `signal` does, or at its limit. */
export class Request {
  readonly #controller = new AbortController();
  readonly #abort = (): void => this.#controller.abort();
  readonly #options: HttpOptions;
  readonly #signal: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: HttpOptions, signal?: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    if (signal?.aborted) this.#abort();
    signal?.addEventListener('abort', this.#abort);
  }

  /** The answer, which has to come, with its body or until `arrived` is called, within `more_ms` beyond the usual limit. */
  async get(path: string, params: Params, more_ms = 0): Promise<Response> {
    const url = endpoint(this.#options.url, path);
    url.protocol = url.protocol.replace('ws', 'http');
    for (const [key, value] of Object.entries(params)) {
      if (value !== undefined) url.searchParams.set(key, `${value}`);
    }
    const limit_ms = (this.#options.firstByteMs ?? FIRST_BYTE_MS) + more_ms;
    this.#timer = setTimeout(() => {
      this.#controller.abort(new FeedError('silent', `no answer of ${path} within ${limit_ms} ms`));
    }, limit_ms);
    // Called as a plain function: browsers refuse theirs as a method of something else.
    const send = this.#options.fetch ?? fetch;
    return this.guard(async () => {
      const { signal } = this.#controller;
      const response = await send(url, { signal, cache: 'no-store' });
      if (!response.ok) throw await refused(response, path);
      return response;
    });
  }

  /** Runs `work` on the answer; what breaks is told as one of our errors. */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      const reason: unknown = this.#controller.signal.reason;
      if (reason instanceof FeedError) throw reason;
      if (error instanceof FeedError) throw error;
      throw new FeedError('unreachable', `the connection failed: ${(error as Error).message}`);
    }
  }

  /** The first byte is here: no limit any more. */
  arrived(): void {
    clearTimeout(this.#timer);
  }

  /** Lets go of everything. */
  end(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#controller.abort();
  }
}

/** The whole text of one answer. */
export async function getText(
  options: HttpOptions,
  path: string,
  params: Params,
  signal?: AbortSignal,
  more_ms = 0,
): Promise<string> {
  const request = new Request(options, signal);
  try {
    const response = await request.get(path, params, more_ms);
    return await request.guard(() => response.text());
  } finally {
    request.end();
  }
}

interface Problem {
  code?: string;
  detail?: string;
}

async function refused(response: Response, path: string): Promise<FeedError> {
  const { status } = response;
  const text = await response.text().catch(() => '');
  let problem: Problem = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    // A proxy's page: the status has to do.
  }
  // A gateway that gave up waiting is silence; other trouble of servers and proxies passes.
  const away = status === 429 || status >= 500;
  const code = status === 504 ? 'silent' : away && status !== 501 ? 'unreachable' : 'refused';
  // A 403 may be a proxy's, which lets other transports pass; the server's own names its code.
  const forGood = status === 401 || (status === 403 && problem.code);
  const after = Number(response.headers.get('retry-after') ?? NaN);
  return new FeedError(code, `${path}: ${status} ${problem.detail ?? response.statusText}`, {
    status,
    ...(problem.code ? { problem: problem.code } : {}),
    ...(forGood && { closeCode: 4000 + (status % 100) }),
    ...(after >= 0 ? { retry_ms: after * 1000 } : {}),
  });
}
