/**
 * What a client was given, checked against the contract and nothing else: on each symbol and channel every number follows
 * the last one, unless a gap was announced; nothing comes twice. Knows nothing of how the client works.
 */
import { FeedClient, channelOf, type FeedClientOptions, type Outcome } from '../../src/index.ts';
import type { TransportName } from '../../src/ladder.ts';
import { WebSocket } from 'ws';

export class Ledger {
  readonly client: FeedClient;
  readonly last = new Map<string, number>();
  readonly faults: string[] = [];
  readonly outcomes: Outcome[] = [];
  readonly states: string[] = [];
  readonly switches: string[] = [];
  readonly errors: Error[] = [];
  readonly refusals: string[] = [];
  events = 0;
  bars = 0;
  gaps = 0;
  #epoch = '';
  #checks = new Set<() => void>();

  constructor(options: FeedClientOptions) {
    this.client = new FeedClient({ webSocket: WebSocket as never, ...options });
    this.client.on('frame', (messages) => {
      for (const message of messages) {
        if (message.T === 'subscribed') this.#enter(message.cursor.split(':')[0]!);
        if (message.T === 'b') this.bars += 1;
        if (message.T === 't' || message.T === 'm' || message.T === 'q' || message.T === 's') {
          this.#event(message);
        }
      }
      this.#look();
    });
    this.client.on('gap', (gap) => {
      this.gaps += 1;
      const key = `${gap.ch}|${gap.S}`;
      const last = this.last.get(key);
      if (last !== undefined && gap.from !== last + 1) {
        this.faults.push(`gap of ${key} from ${gap.from} after ${last}`);
      }
      this.last.set(key, gap.to);
    });
    this.client.on('resume', (_, outcome) => this.outcomes.push(outcome));
    this.client.on('state', (status) => {
      this.states.push(status.state);
      this.#look();
    });
    this.client.on('transport', ({ from, to }) => this.switches.push(`${from}>${to}`));
    this.client.on('error', (error) => {
      if ('msg' in error) this.refusals.push(error.code);
      else this.errors.push(error);
      this.#look();
    });
  }

  get transport(): TransportName {
    return this.client.status.transport;
  }

  /** Resolves when `condition` holds; looks whenever something has come, and fails after `deadline_ms`. */
  until(what: string, condition: () => boolean, deadline_ms = 15_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(late);
        clearInterval(tick);
        this.#checks.delete(check);
      };
      const check = (): void => {
        if (!condition()) return;
        end();
        resolve();
      };
      const tick = setInterval(check, 20);
      const late = setTimeout(() => {
        end();
        const { state, transport } = this.client.status;
        const seen = `${state} over ${transport}, ${this.events} events, states ${this.states}`;
        reject(new Error(`not within ${deadline_ms} ms: ${what} (${seen}; ${this.errors})`));
      }, deadline_ms);
      this.#checks.add(check);
      check();
    });
  }

  /** Until so many events more have come. */
  more(count: number): Promise<void> {
    const goal = this.events + count;
    return this.until(`${count} more events`, () => this.events >= goal);
  }

  /** The application was told that numbers start again; they have to be those of another epoch. */
  #enter(epoch: string): void {
    if (this.#epoch !== epoch) this.last.clear();
    this.#epoch = epoch;
  }

  #event(message: Parameters<typeof channelOf>[0]): void {
    const key = `${channelOf(message)}|${message.S}`;
    const last = this.last.get(key);
    const first = ('n0' in message && message.n0) || message.n;
    this.last.set(key, message.n);
    if (message.snap) {
      // A snapshot is a state: it may repeat what is known, and brings what was lost before it as a gap.
      if (last !== undefined && (message.n < last || message.n > last + 1)) {
        this.faults.push(`snapshot ${key} ${message.n} after ${last}`);
      }
      return;
    }
    this.events += 1;
    if (last !== undefined && first !== last + 1) {
      this.faults.push(`${key} ${first}..${message.n} after ${last}`);
    }
  }

  #look(): void {
    for (const check of [...this.#checks]) check();
  }
}
