/**
 * `@tickcast/client/tradingview`: a datafeed for TradingView's charting library (its Datafeed API), by shape only, so that the
 * library is not needed to build. Bars of the past from `/v1/bars`, live ones from the stream; after a lost connection the
 * chart is told to ask again.
 */
import { INTERVAL_S, toNumber } from './bar_history.ts';
import type { FeedClient } from './client.ts';
import type { Bar, SymbolRow } from './messages.ts';
import type { Subscription } from './subscription.ts';

export interface DatafeedOptions {
  /** Shown as the exchange; `Tickcast` if left out. */
  exchange?: string;
  /** `stock` if left out. */
  type?: string;
}

export interface LibraryBar {
  /** Start, ms. */
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}
export interface LibrarySymbol {
  name: string;
  ticker: string;
  [key: string]: unknown;
}
export interface PeriodParams {
  /** Seconds; `to` is exclusive. */
  from: number;
  to: number;
  countBack: number;
  firstDataRequest: boolean;
}

/** The library's names of our intervals. */
const RESOLUTIONS: Record<string, string> = {
  '1S': '1s',
  '5S': '5s',
  '1': '1m',
  '5': '5m',
  '15': '15m',
  '60': '1h',
  '1D': '1d',
};
const FOUND_MAX = 50;
const LIMIT_MAX = 5000;

export class Datafeed {
  readonly #client: FeedClient;
  readonly #options: DatafeedOptions;
  /** By symbol and interval: a client has each once, and the library asks for some several times. */
  readonly #live = new Map<string, LiveBars>();
  #symbols: Promise<SymbolRow[]> | undefined;

  constructor(client: FeedClient, options: DatafeedOptions = {}) {
    this.#client = client;
    this.#options = options;
  }

  // The library wants every answer later than the call.
  onReady(callback: (configuration: object) => void): void {
    const configuration = {
      supported_resolutions: Object.keys(RESOLUTIONS),
      exchanges: [{ value: this.#exchange, name: this.#exchange, desc: this.#exchange }],
      symbols_types: [],
      supports_time: true,
    };
    setTimeout(() => callback(configuration), 0);
  }

  searchSymbols(
    input: string,
    _exchange: string,
    _type: string,
    onResult: (found: object[]) => void,
  ): void {
    const typed = input.trim().toLowerCase();
    const rank = ({ S, name }: SymbolRow): number => {
      if (S.toLowerCase().startsWith(typed)) return 0;
      return `${S} ${name}`.toLowerCase().includes(typed) ? 1 : 2;
    };
    this.#list().then(
      (rows) => {
        const found = rows.filter((row) => rank(row) < 2).sort((a, b) => rank(a) - rank(b));
        onResult(found.slice(0, FOUND_MAX).map((row) => this.#info(row)));
      },
      () => onResult([]),
    );
  }

  resolveSymbol(
    name: string,
    onResolve: (symbol: LibrarySymbol) => void,
    onError: (reason: string) => void,
  ): void {
    // A chart's saved layout may name the exchange before the symbol.
    const own = name.startsWith(`${this.#exchange}:`)
      ? name.slice(this.#exchange.length + 1)
      : name;
    this.#list().then(
      (rows) => {
        const row = rows.find(({ S }) => S === own);
        if (row) onResolve(this.#info(row));
        else onError('unknown_symbol');
      },
      (error: Error) => onError(error.message),
    );
  }

  getBars(
    symbol: { ticker?: string; name: string },
    resolution: string,
    period: PeriodParams,
    onResult: (bars: LibraryBar[], meta: { noData?: boolean }) => void,
    onError: (reason: string) => void,
  ): void {
    const interval = RESOLUTIONS[resolution];
    if (!interval) return void setTimeout(() => onError(`no resolution ${resolution}`), 0);
    // `countBack` wins over `from`: as many bars before `to` as there are, however old.
    const span = Math.ceil((period.to - period.from) / INTERVAL_S[interval]!);
    const limit = Math.min(LIMIT_MAX, Math.max(period.countBack, span, 1));
    const to = Math.round(period.to * 1e6);
    this.#client.bars({ symbol: symbol.ticker ?? symbol.name, interval, to, limit }).then(
      // Without `noData` the library asks for ever older times.
      (bars) => onResult(bars.map(libraryBar), bars.length > 0 ? {} : { noData: true }),
      (error: Error) => onError(error.message),
    );
  }

  subscribeBars(
    symbol: { ticker?: string; name: string },
    resolution: string,
    onTick: (bar: LibraryBar) => void,
    listenerGuid: string,
    onResetCacheNeeded?: () => void,
  ): void {
    const interval = RESOLUTIONS[resolution];
    if (!interval) return;
    this.unsubscribeBars(listenerGuid);
    const key = `${symbol.ticker ?? symbol.name}|${interval}`;
    let live = this.#live.get(key);
    if (!live) this.#live.set(key, (live = new LiveBars(this.#client, key)));
    live.listeners.set(listenerGuid, { onTick, onResetCacheNeeded, newest: 0 });
  }

  unsubscribeBars(listenerGuid: string): void {
    for (const [key, live] of this.#live) {
      if (!live.listeners.delete(listenerGuid) || live.listeners.size > 0) continue;
      live.subscription.close();
      this.#live.delete(key);
    }
  }

  getServerTime(callback: (seconds: number) => void): void {
    const offset_ms = (this.#client.offset?.offset_us ?? 0) / 1000;
    setTimeout(() => callback(Math.floor((Date.now() + offset_ms) / 1000)), 0);
  }

  get #exchange(): string {
    return this.#options.exchange ?? 'Tickcast';
  }

  #list(): Promise<SymbolRow[]> {
    this.#symbols ??= this.#client.symbols().catch((error) => {
      this.#symbols = undefined;
      throw error;
    });
    return this.#symbols;
  }

  #info({ S, name, places }: SymbolRow): LibrarySymbol {
    return {
      name: S,
      ticker: S,
      symbol: S,
      full_name: `${this.#exchange}:${S}`,
      description: name,
      type: this.#options.type ?? 'stock',
      session: '24x7',
      timezone: 'Etc/UTC',
      exchange: this.#exchange,
      listed_exchange: this.#exchange,
      format: 'price',
      minmov: 1,
      pricescale: 10 ** places,
      has_intraday: true,
      has_seconds: true,
      has_daily: true,
      seconds_multipliers: ['1', '5'],
      intraday_multipliers: ['1', '5', '15', '60'],
      supported_resolutions: Object.keys(RESOLUTIONS),
      volume_precision: 0,
      data_status: 'streaming',
    };
  }
}

interface Listener {
  onTick: (bar: LibraryBar) => void;
  onResetCacheNeeded: (() => void) | undefined;
  newest: number;
}

class LiveBars {
  readonly listeners = new Map<string, Listener>();
  readonly subscription: Subscription;
  #began = false;

  constructor(client: FeedClient, key: string) {
    const [symbol, interval] = key.split('|') as [string, string];
    this.subscription = client.subscribe({ symbols: [symbol], channels: [`bars:${interval}`] });
    this.subscription.on('bar', (bar) => {
      for (const listener of this.listeners.values()) {
        // The library refuses times that go back.
        if (bar.ts < listener.newest) continue;
        listener.newest = bar.ts;
        listener.onTick(libraryBar(bar));
      }
    });
    this.subscription.on('resume', () => {
      // Bars have no cursor: some may have come to an end unseen.
      if (this.#began)
        for (const listener of this.listeners.values()) listener.onResetCacheNeeded?.();
      this.#began = true;
    });
  }
}

function libraryBar({ ts, O, H, L, C, v, places }: Bar): LibraryBar {
  const price = (units: number): number => toNumber(units, places);
  return {
    time: ts / 1000,
    open: price(O),
    high: price(H),
    low: price(L),
    close: price(C),
    volume: v,
  };
}
