/**
 * Which transport to dial. Steps down when one does not get through although the server can be reached, remembers for five
 * minutes which did not, and never steps down because the server is away. Dials nothing itself.
 */
import { FeedError } from './errors.ts';

export type TransportName = 'ws' | 'sse' | 'stream' | 'longpoll' | 'poll';
export const TRANSPORTS: readonly TransportName[] = ['ws', 'sse', 'stream', 'longpoll', 'poll'];

/** One that did not get through is not tried again for this long. */
const SHUN_MS = 300_000;
/** One that has worked before is believed through this many failed dials. */
const TRUST = 3;
/** Connections that fall silent twice within this time are not the network's fault. */
const SILENCE_MS = 120_000;

export class Ladder {
  readonly #all: readonly TransportName[];
  readonly #proven = new Set<TransportName>();
  /** Until when one is not tried. */
  #shunned: { [name in TransportName]?: number } = {};
  /** Stepped over since something last got through. */
  #pass: TransportName[] = [];
  #failures = 0;
  #silentAt = 0;

  constructor(all: readonly TransportName[]) {
    this.#all = all;
    if (!all.length || !all.every((name) => TRANSPORTS.includes(name))) {
      throw new FeedError('unsupported', `no transport: ${all}`);
    }
  }

  /** The one to dial now. */
  get current(): TransportName {
    return this.#free() ?? this.#all[0]!;
  }

  /** Whether there is no choice but `name`. */
  isOnly(name: TransportName): boolean {
    return this.#all.every((other) => other === name);
  }

  /** A connection came about over `name`. */
  got(name: TransportName): void {
    this.#proven.add(name);
    this.#pass = [];
    this.#failures = 0;
  }

  /** A dial of `name` did not get through; whether to dial another transport at once. */
  failed(name: TransportName, serverAway: boolean): boolean {
    if (!serverAway) {
      return ++this.#failures >= (this.#proven.has(name) ? TRUST : 1) && this.#step(name);
    }
    // What was stepped over on the way here failed for the same reason.
    for (const stepped of this.#pass) delete this.#shunned[stepped];
    this.#pass = [];
    return false;
  }

  /** A connection over `name` fell silent; whether to go on with another transport. */
  silenced(name: TransportName): boolean {
    const before = this.#silentAt;
    this.#silentAt = Date.now();
    return this.#silentAt - before < SILENCE_MS && this.#step(name);
  }

  /** The network is another one: everything may get through again. */
  forget(): void {
    this.#shunned = {};
    this.#pass = [];
  }

  #step(from: TransportName): boolean {
    this.#shunned[from] = Date.now() + SHUN_MS;
    this.#pass.push(from);
    this.#failures = 0;
    if (this.#free()) return true;
    this.forget();
    return false;
  }

  #free(): TransportName | undefined {
    return this.#all.find((name) => !(this.#shunned[name]! > Date.now()));
  }
}
