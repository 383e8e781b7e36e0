/**
 * `@tickcast/client/lightweight-charts`: keeps a candlestick series and a volume series of that library filled. History comes
 * from `/v1/bars`, the last bar is live; what a lost connection left out is asked for again and marked. Knows the library by
 * shape only and does not import it.
 */
import { BarHistory, INTERVAL_S, toNumber } from './bar_history.ts';
import type { FeedClient } from './client.ts';
import type { Bar } from './messages.ts';
import type { Subscription } from './subscription.ts';

/** What is used of a series; those of the library fit. */
export interface SeriesLike {
  setData(data: never[]): void;
  update(point: never): void;
  applyOptions?(options: never): void;
}
/** What `chart.timeScale()` is. */
export interface TimeScaleLike {
  subscribeVisibleLogicalRangeChange(listener: (range: { from: number } | null) => void): void;
  unsubscribeVisibleLogicalRangeChange(listener: (range: { from: number } | null) => void): void;
}

export interface CandleOptions {
  symbol: string;
  /** `1s` `5s` `1m` `5m` `15m` `1h` `1d` */
  interval: string;
  candles: SeriesLike;
  /** A histogram series. */
  volume?: SeriesLike;
  /** Colours of the volume where the price rose and fell. */
  colours?: { up: string; down: string };
  /** Loads older bars when they are scrolled to. */
  timeScale?: TimeScaleLike;
  /** Shows gaps: `createSeriesMarkers(candles)`. */
  markers?: { setMarkers(markers: never[]): void };
  /** Bars to begin with, and of each step to the left; 500 if left out. */
  page?: number;
  /** Called after every change of the last bar. */
  onBar?(bar: Bar): void;
  onGap?(gap: GapMark): void;
  onError?(error: unknown): void;
}

/** A time without connection, ms since the Unix epoch; `filled` once its bars were asked for. */
export interface GapMark {
  from: number;
  to: number;
  filled: boolean;
}

/** Bars kept; further to the left nothing is loaded. */
const BARS_MAX = 50_000;
/** Most bars of one answer. */
const PAGE_MAX = 5000;
/** Bars left of the screen that are loaded ahead. */
const AHEAD = 50;

export class CandleFeed {
  readonly gaps: GapMark[] = [];
  readonly #client: FeedClient;
  readonly #options: CandleOptions;
  readonly #history = new BarHistory();
  readonly #live: Subscription;
  readonly #stop = new AbortController();
  readonly #scrolled = (range: { from: number } | null): void => {
    if (range && range.from < AHEAD) void this.loadOlder();
  };
  readonly #unlisten: () => void;
  #loading: Promise<boolean> | undefined;
  #exhausted = false;
  #began = false;
  /** When something last came. */
  #heard = Date.now();

  constructor(client: FeedClient, options: CandleOptions) {
    const { symbol, interval } = options;
    if (!(interval in INTERVAL_S)) {
      throw new RangeError(`no interval \`${interval}\`: ${Object.keys(INTERVAL_S).join(' ')}`);
    }
    this.#client = client;
    this.#options = options;
    this.#unlisten = client.on('frame', (_, received_us) => (this.#heard = received_us / 1000));
    this.#live = client.subscribe({ symbols: [symbol], channels: [`bars:${interval}`] });
    this.#live.on('bar', (bar) => this.#update(bar));
    // Whether the server could resume makes no difference: bars have no cursor.
    this.#live.on('resume', () => (this.#began ? this.#backfill() : this.#begin()));
    options.timeScale?.subscribeVisibleLogicalRangeChange(this.#scrolled);
  }

  /** Oldest first, prices as integers. */
  get bars(): readonly Bar[] {
    return this.#history.bars;
  }

  /** Asks for the bars before the oldest; whether there were any. */
  loadOlder(): Promise<boolean> {
    const to = this.bars[0]?.ts;
    if (to === undefined || this.#exhausted || this.bars.length >= BARS_MAX) {
      return Promise.resolve(false);
    }
    this.#loading ??= this.#ask({ to, limit: this.#page })
      .then((older) => {
        this.#exhausted = older?.length === 0;
        if (older?.length) this.#show(older);
        return !!older?.length;
      })
      .finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** Leaves the series as they are. */
  close(): void {
    this.#stop.abort();
    this.#unlisten();
    this.#live.close();
    this.#options.timeScale?.unsubscribeVisibleLogicalRangeChange(this.#scrolled);
  }

  get #page(): number {
    return this.#options.page ?? 500;
  }

  async #ask(range: { from?: number; to?: number; limit: number }): Promise<Bar[] | undefined> {
    const { symbol, interval } = this.#options;
    const { signal } = this.#stop;
    try {
      const bars = await this.#client.bars({ symbol, interval, signal, ...range });
      return signal.aborted ? undefined : bars;
    } catch (error) {
      if (!signal.aborted) this.#options.onError?.(error);
      return undefined;
    }
  }

  async #begin(): Promise<void> {
    this.#began = true;
    const bars = await this.#ask({ limit: this.#page });
    if (bars) this.#show(bars);
    // The next connection tries again.
    else this.#began = false;
  }

  /** Bars that came to an end while nobody listened are asked for. */
  async #backfill(): Promise<void> {
    const gap: GapMark = { from: this.#heard, to: Date.now(), filled: false };
    const last = this.bars.filter((bar) => bar.x).at(-1) ?? this.bars[0];
    this.gaps.push(gap);
    const from = last?.ts ?? 0;
    const bars = await this.#ask({ from, limit: PAGE_MAX });
    gap.filled = bars !== undefined;
    if (bars) this.#show(bars);
    else this.#mark();
    this.#options.onGap?.(gap);
  }

  #update(bar: Bar): void {
    if (this.#history.live(bar)) {
      this.#options.candles.update(candle(bar) as never);
      this.#options.volume?.update(this.#volume(bar) as never);
    } else this.#draw();
    this.#options.onBar?.(bar);
  }

  #show(bars: Bar[]): void {
    this.#history.merge(bars);
    this.#draw();
  }

  #draw(): void {
    const { candles, volume } = this.#options;
    const [first] = this.bars;
    if (first) {
      const { places } = first;
      const priceFormat = { type: 'price', precision: places, minMove: 10 ** -places };
      candles.applyOptions?.({ priceFormat } as never);
    }
    candles.setData(this.bars.map(candle) as never[]);
    volume?.setData(this.bars.map((bar) => this.#volume(bar)) as never[]);
    this.#mark();
  }

  #mark(): void {
    const width_ms = INTERVAL_S[this.#options.interval]! * 1000;
    const marks = this.gaps.map(({ from, filled }) => ({
      time: (Math.floor(from / width_ms) * width_ms) / 1000,
      position: 'aboveBar',
      shape: 'circle',
      color: filled ? '#888888' : '#d08000',
      text: filled ? 'gap, filled' : 'gap',
    }));
    this.#options.markers?.setMarkers(marks as never[]);
  }

  #volume(bar: Bar): object {
    const { up, down } = this.#options.colours ?? { up: '#26a69a80', down: '#ef535080' };
    return { time: bar.ts / 1e6, value: bar.v, color: bar.C < bar.O ? down : up };
  }
}

function candle({ ts, O, H, L, C, places }: Bar): object {
  const price = (units: number): number => toNumber(units, places);
  return { time: ts / 1e6, open: price(O), high: price(H), low: price(L), close: price(C) };
}
