/**
 * The worker's middle: owns the client and its subscriptions, gathers what comes, and hands the page one batch whenever it
 * has painted the last. A page that does not paint (a hidden tab) gets nothing, and after a while nothing is fetched either.
 */
import {
  FeedClient,
  type Heartbeat,
  type Message,
  type Outcome,
  type Subscription,
  type SymbolRow,
} from '@tickcast/client';
import { Collector, packBars } from './collector.ts';
import { Median } from './rates.ts';
import { days, Sparks } from './snapshots.ts';
import { loadSymbols } from './symbols.ts';
import type { BarsQuestion, FromWorker, Route, ToWorker } from './talk.ts';
import { paced, Watch } from './watch.ts';

/** A tab that has been hidden for so long lets its connection go. */
const HIDDEN_MS = 20_000;
const FIGURES_MS = 1000;

type Say = (message: FromWorker, transfer?: Transferable[]) => void;
const nowUs = (): number => (performance.timeOrigin + performance.now()) * 1000;

export class Hub {
  private readonly collector = new Collector();
  private readonly latency = new Median();
  private client!: FeedClient;
  private watch!: Watch;
  private sparks!: Sparks;
  private base = '';
  private symbols: SymbolRow[] = [];
  private heartbeat: Heartbeat | undefined;
  private ready = true;
  private lostAt_us: number | undefined;
  private hiding: ReturnType<typeof setTimeout> | undefined;
  private paused = false;
  private interval_ms = 0;
  private screen: string[] = [];
  private chart = { id: 0, symbol: '', interval: '' };
  private charted: Subscription | undefined;

  constructor(private readonly say: Say) {}

  hear(message: ToWorker): void {
    switch (message.ask) {
      case 'open':
        return this.open(message.url, message.route);
      case 'route':
        return this.route(message.route);
      case 'watch':
        this.screen = message.names;
        return this.watch.show(message.names);
      case 'pace':
        return this.pace(message.interval_ms);
      case 'chart':
        return this.show(message.chart, message.symbol, message.interval);
      case 'bars':
        return void this.bars(message.id, message.question);
      case 'sparks':
        return this.sparks.want(message.names);
      case 'days':
        return void this.days();
      case 'drained':
        this.ready = true;
        return this.pump();
      case 'wake':
        return this.client.dialNow();
      case 'visible':
        return this.visible(message.visible);
    }
  }

  private open(url: string, route: Route): void {
    this.base = url;
    this.sparks = new Sparks(url, (name, closes) => {
      const row = this.collector.row(name);
      if (row !== undefined) this.say({ say: 'spark', row, closes }, [closes.buffer]);
    });
    this.route(route);
    setInterval(() => this.figures(), FIGURES_MS);
    void this.list(false);
  }

  /** Another transport or format: a new client with the same wishes. */
  private route({ transport, format }: Route): void {
    this.client?.close();
    this.client = new FeedClient({
      url: this.base,
      format,
      ...(transport ? { transports: [transport] } : {}),
    });
    this.watch = new Watch(this.client);
    this.listen();
    this.watch.pace(this.interval_ms);
    this.watch.show(this.screen);
    this.charted = undefined;
    if (this.chart.symbol !== '') this.follow();
    this.client.connect();
  }

  private listen(): void {
    const { client } = this;
    client.on('state', (status) => {
      if (client !== this.client) return;
      if (status.state !== 'live') this.heartbeat = undefined;
      if (status.state === 'reconnecting') this.lostAt_us ??= nowUs();
      this.say({ say: 'status', status, paused: this.paused });
    });
    client.on('frame', (messages, received_us) => {
      if (client === this.client) this.frame(messages, received_us);
    });
    client.on('gap', (lost) => this.say({ say: 'gap', lost }));
    client.on('resume', (subscription, outcome) => this.resumed(subscription, outcome));
    client.on('error', (error) => {
      this.say({ say: 'warning', text: 'msg' in error ? error.msg : error.message });
    });
  }

  private frame(messages: readonly Message[], received_us: number): void {
    let newest = 0;
    for (const message of messages) {
      if (message.T === 'b') this.collector.bar(message);
      else if (message.T === 'heartbeat') this.heartbeat = message;
      else if ('o' in message && 'S' in message) {
        this.collector.event(message);
        if (!message.snap && message.ts > newest) newest = message.ts;
      }
    }
    if (newest > 0) this.latency.add(received_us + (this.client.offset?.offset_us ?? 0) - newest);
    this.pump();
  }

  /** At most one batch is on its way: the page asks for the next once it has painted this one. */
  private pump(): void {
    if (!this.ready) return;
    const batch = this.collector.take();
    if (!batch) return;
    this.ready = false;
    const { rows, tape, bars, quote } = batch;
    this.say({ say: 'batch', batch }, [rows.buffer, tape.buffer, bars.buffer, quote.buffer]);
  }

  private resumed(subscription: Subscription, outcome: Outcome): void {
    if (this.lostAt_us === undefined || !subscription.matches(this.chart.symbol, 'trades')) return;
    this.say({ say: 'resumed', outcome, from_us: this.lostAt_us, to_us: nowUs() });
    this.lostAt_us = undefined;
    if (outcome !== 'snapshot') return;
    this.sparks.forget();
    void this.list(true);
  }

  private async list(restarted: boolean): Promise<void> {
    this.symbols = await loadSymbols(`${this.base}/v1/symbols`);
    this.collector.describe(this.symbols.map((symbol) => symbol.S));
    this.say({ say: 'symbols', symbols: this.symbols, restarted });
  }

  private async days(): Promise<void> {
    try {
      const packed = await days(this.base, this.symbols);
      this.say({ say: 'days', days: packed }, [packed.buffer]);
    } catch {
      // The page asks again; that the server is away is told by the connection.
    }
  }

  private async bars(id: number, question: BarsQuestion): Promise<void> {
    try {
      const bars = packBars(await this.client.bars(question));
      this.say({ say: 'bars', id, bars }, [bars.buffer]);
    } catch (error) {
      this.say({ say: 'failed', id, why: error instanceof Error ? error.message : `${error}` });
    }
  }

  private show(id: number, symbol: string, interval: string): void {
    this.chart = { id, symbol, interval };
    this.collector.show(id, symbol, interval);
    this.follow();
  }

  private follow(): void {
    const { symbol, interval } = this.chart;
    this.charted?.close();
    this.watch.chartOf(symbol);
    this.charted = this.client.subscribe({
      symbols: [symbol],
      channels: ['quotes', `bars:${interval}`],
      ...paced(this.interval_ms),
    });
  }

  private pace(interval_ms: number): void {
    this.interval_ms = interval_ms;
    this.watch.pace(interval_ms);
    if (this.charted) this.follow();
  }

  private visible(visible: boolean): void {
    clearTimeout(this.hiding);
    if (!visible) {
      this.hiding = setTimeout(() => {
        this.paused = true;
        this.lostAt_us ??= nowUs();
        this.client.close();
      }, HIDDEN_MS);
    } else if (this.paused) {
      this.paused = false;
      this.client.connect();
    } else this.client.dialNow();
  }

  private figures(): void {
    const { received, merged } = this.collector;
    const { heartbeat, client } = this;
    const [latency_us, clock, stats] = [this.latency.take(), client.offset, client.stats()];
    const figures = { received, merged, stats, heartbeat, latency_us, clock };
    this.say({ say: 'figures', figures });
  }
}
