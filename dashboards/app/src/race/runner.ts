/**
 * One lane in the worker: a client that knows one transport, and what it has brought and cost. Counts requests at the place
 * where they are made; bytes with headers are counted by the relay, not here.
 */
import {
  FeedClient,
  type Data,
  type Message,
  type OffsetEstimate,
  type SocketConstructor,
  type TransportName,
} from '@tickcast/client';
import { AgeIntegral } from './age.ts';
import { BINS, binOf } from './histogram.ts';
import type { Course, FromRunner, LaneFigures, RaceClock, Totals } from './talk.ts';

export const nowUs = (): number => (performance.timeOrigin + performance.now()) * 1000;

type Counted = Omit<Totals, 'age_area' | 'age_time' | 'payload' | 'lost'>;

export class Runner {
  private client: FeedClient | undefined;
  private key = '';
  private price = NaN;
  private places = 0;
  /** By the server's clock. */
  private due_us = NaN;
  private leftAt_us: number | undefined;
  private lostBefore = 0;
  private readonly age = new AgeIntegral();
  private readonly bins = new Float64Array(BINS);
  /** Of clients that are closed. */
  private readonly past = { payload: 0, lost: 0 };
  private readonly counted: Counted = {
    ...{ events: 0, merged: 0, updates: 0, requests: 0, latency_sum: 0 },
    ...{ answer_sum: 0, answers: 0 },
  };

  constructor(
    private readonly name: TransportName,
    private readonly clock: () => RaceClock,
    private readonly say: (message: FromRunner) => void,
  ) {}

  get offset(): OffsetEstimate | undefined {
    return this.client?.offset;
  }

  /** Runs this course from now on; begins anew only if it is another one for this lane. */
  run(course: Course): void {
    const route = course.routes.find(({ name }) => name === this.name);
    const poll_ms = this.name === 'poll' ? course.poll_ms : 0;
    const key = JSON.stringify([route?.url, course.symbol, course.mode, poll_ms]);
    if (key === this.key) return;
    this.stop();
    this.key = key;
    if (!route) return;
    const client = new FeedClient({
      url: route.url,
      transports: [this.name],
      ...(poll_ms && { pollMs: poll_ms }),
      fetch: (input, init) => this.fetch(input, init),
      ...(this.name === 'ws' && { webSocket: this.socket() }),
    });
    this.client = client;
    client.on('frame', (messages, received_us) => this.frame(messages, received_us));
    client.on('state', ({ state }) => this.stateIs(state));
    client.on('resume', (_, outcome) => this.back(outcome));
    client.subscribe({ symbols: [course.symbol], mode: course.mode });
    client.connect();
  }

  stop(): void {
    const { client } = this;
    this.client = undefined;
    this.key = '';
    if (client) {
      const { bytes, lost } = client.stats();
      this.past.payload += bytes;
      this.past.lost += lost;
      client.close();
    }
    this.age.forget(this.serverUs());
    this.price = this.due_us = NaN;
    this.leftAt_us = undefined;
  }

  figures(withBins: boolean): LaneFigures {
    this.age.look(this.serverUs());
    const stats = this.client?.stats();
    return {
      name: this.name,
      state: this.client?.status.state ?? 'closed',
      price: this.price,
      places: this.places,
      due_us: this.due_us - this.clock().offset_us,
      totals: {
        ...this.counted,
        lost: this.past.lost + (stats?.lost ?? 0),
        payload: this.past.payload + (stats?.bytes ?? 0),
        age_area: this.age.area,
        age_time: this.age.time,
      },
      bins: withBins ? this.bins.slice() : undefined,
    };
  }

  private serverUs(): number {
    return nowUs() + this.clock().offset_us;
  }

  private frame(messages: readonly Message[], received_us: number): void {
    const at_us = received_us + this.clock().offset_us;
    for (const message of messages) {
      if (message.T === 't' || message.T === 'm') this.event(message, at_us);
    }
  }

  private event(event: Data & { p: number; places: number }, at_us: number): void {
    this.price = event.p;
    this.places = event.places;
    this.due_us = event.ts;
    this.age.newest(event.ts, at_us);
    if (event.snap) return;
    const merged = event.T === 'm' ? event.n - event.n0 : 0;
    const latency_ms = Math.max(0, (at_us - event.ts) / 1000);
    this.counted.events += merged + 1;
    this.counted.merged += merged;
    this.counted.updates += 1;
    this.counted.latency_sum += latency_ms;
    this.bins[binOf(latency_ms)]! += 1;
  }

  private stateIs(state: string): void {
    if (state !== 'reconnecting' || this.leftAt_us !== undefined) return;
    this.leftAt_us = nowUs();
    this.lostBefore = this.client?.stats().lost ?? 0;
    this.say({ say: 'left', name: this.name });
  }

  private back(outcome: 'resumed' | 'snapshot' | 'gap'): void {
    if (this.leftAt_us === undefined) return;
    const away_ms = (nowUs() - this.leftAt_us) / 1000;
    this.leftAt_us = undefined;
    // Gaps are told right after this; what was lost is known a moment later.
    queueMicrotask(() => {
      const lost = (this.client?.stats().lost ?? 0) - this.lostBefore;
      this.say({ say: 'back', name: this.name, outcome, away_ms, lost });
    });
  }

  private async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    this.counted.requests += 1;
    const asked = performance.now();
    const response = await fetch(input, init);
    this.counted.answer_sum += performance.now() - asked;
    this.counted.answers += 1;
    return response;
  }

  private socket(): SocketConstructor {
    const { counted } = this;
    return class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        counted.requests += 1;
      }
    } as unknown as SocketConstructor;
  }
}
