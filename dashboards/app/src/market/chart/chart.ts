/**
 * The chart of one symbol and interval: history when it begins and when somebody looks further back, the live bar, and what
 * an interruption left out. Decides what to fetch; drawing is the plot's, exactness the candles'.
 */
import type { LostRange, Outcome } from '@tickcast/client';
import type { Feed } from '../../feed/feed.ts';
import { onTheme } from '../../frame/colours.ts';
import { element, mark as flag } from '../../frame/elements.ts';
import { Candles } from './candles.ts';
import { Legend } from './legend.ts';
import { Marks } from './marks.ts';
import { Plot } from './plot.ts';

/** Bars to begin with: what is seen, and as many again. With every new state of a bar the library walks through all of them. */
const FIRST = 300;
/** Bars of one question about older ones. */
const CHUNK = 500;
/** Bars kept left of what is seen while the newest one is: those before come again when they are scrolled to. */
const KEPT_LEFT = 200;
const BACKFILL_MAX = 5000;
/** So many bars before the first one, older ones are fetched. */
const EARLY = 60;
const AGAIN_MS = 2000;
/** Clocks may differ by so much: rather too many bars than a hole. */
const MARGIN_US = 5e6;
/** More than these are drawn at once instead of one after the other. */
const UPDATES_MAX = 8;

export interface Shown {
  symbol: string;
  places: number;
  interval: string;
}

export class Chart {
  private readonly container = element('chart');
  private readonly legend = new Legend();
  private readonly marks = new Marks();
  private readonly plot: Plot;
  private candles = new Candles(0);
  private shown: Shown | undefined;
  private generation = 0;
  private loading = false;
  /** Nothing older is asked for before the first bars are there, or after the oldest one is. */
  private complete = true;
  private pointed: number | undefined;

  constructor(private readonly feed: Feed) {
    this.plot = new Plot(this.container, {
      lookedAt: (barsLeft) => {
        if (barsLeft < EARLY) void this.older();
      },
      pointedAt: (ts) => {
        this.pointed = ts;
        this.explain();
      },
    });
    onTheme(() => this.plot.replace(this.candles.all, this.candles.places));
    this.container.addEventListener('keydown', (event) => this.key(event));
  }

  get symbol(): string | undefined {
    return this.shown?.symbol;
  }

  /** Shows another symbol or interval, or the same one from the beginning. */
  show(shown: Shown): void {
    this.shown = shown;
    this.generation += 1;
    this.candles = new Candles(shown.places);
    this.loading = false;
    this.complete = true;
    this.pointed = undefined;
    this.plot.begin(shown.places, ['1s', '5s'].includes(shown.interval));
    const { symbol, interval } = shown;
    this.container.setAttribute(
      'aria-label',
      `Candles of ${symbol}, ${interval}. Arrow keys move, plus and minus zoom, End returns to now.`,
    );
    flag(this.container, 'bars', '0');
    this.explain();
    this.feed.tell({ ask: 'chart', chart: this.generation, symbol, interval });
    void this.begin();
  }

  /** Bars that streamed in for the request `chart`; one paint. */
  stream(chart: number, bars: Float64Array, lost: boolean): boolean {
    if (chart !== this.generation || bars.length === 0) return false;
    const resumeAt = this.candles.last?.ts;
    this.merge(bars);
    this.trim();
    if (lost && resumeAt !== undefined) void this.backfill(resumeAt);
    return true;
  }

  /** Trades of a symbol were lost. */
  gap({ S, from, to }: LostRange, now_us: number): void {
    const count = to - from + 1;
    const text = `${count.toLocaleString('en-US')} ${count === 1 ? 'trade' : 'trades'} lost`;
    this.marks.add(S, { at_us: now_us, lossy: true, text });
    this.mark();
  }

  /** The stream goes on after an interruption; `snapshot` means that the server has started anew. */
  resumed(outcome: Outcome, from_us: number, to_us: number): void {
    if (!this.shown) return;
    const away = `${Math.max(1, Math.round((to_us - from_us) / 1e6))} s`;
    const text = outcome === 'resumed' ? `resumed after ${away}` : `gap, ${away}`;
    this.marks.add(this.shown.symbol, { at_us: to_us, lossy: outcome !== 'resumed', text });
    if (outcome === 'snapshot') return; // the page shows everything again, once it knows the symbols
    this.mark();
    const from = this.candles.covering(from_us - MARGIN_US)?.ts;
    if (from !== undefined) void this.backfill(from);
  }

  /** The bars that are loaded, as a file. */
  csv(): { name: string; text: string } {
    const { symbol, interval } = this.shown ?? { symbol: 'none', interval: '' };
    return { name: `${symbol}-${interval}.csv`, text: this.candles.csv() };
  }

  focus(): void {
    this.container.focus();
  }

  live(): void {
    this.plot.scrollToLive();
  }

  private async begin(): Promise<void> {
    const bars = await this.ask({ limit: FIRST });
    if (!bars) return;
    this.merge(bars);
    this.mark();
    this.plot.home(this.candles.all.length);
    this.complete = false;
  }

  private async older(): Promise<void> {
    const first = this.candles.first;
    if (!first || this.loading || this.complete) return;
    this.loading = true;
    const candles = this.candles;
    const bars = await this.ask({ to: first.ts, limit: CHUNK });
    if (candles !== this.candles) return;
    this.loading = false;
    if (bars?.length === 0) this.complete = true;
    else if (bars) this.merge(bars);
    // Interruptions of bars that had been cut off are seen again.
    this.mark();
  }

  /** Not while older bars are on their way: what was cut would be missing between them and the rest. */
  private trim(): void {
    const { candles, plot } = this;
    const seen = plot.seen(candles.all.length);
    if (seen === undefined || this.loading || !candles.trim(seen + KEPT_LEFT)) return;
    this.complete = false;
    plot.replace(candles.all, candles.places);
    flag(this.container, 'bars', String(candles.all.length));
    this.mark();
  }

  private async backfill(from: number): Promise<void> {
    const bars = await this.ask({ from, limit: BACKFILL_MAX });
    if (bars) this.merge(bars);
    this.mark();
  }

  /** The answer, unless the chart shows something else by then; asks again until there is one. */
  private async ask(range: {
    from?: number;
    to?: number;
    limit: number;
  }): Promise<Float64Array | undefined> {
    const { generation } = this;
    const { symbol, interval } = this.shown!;
    for (;;) {
      try {
        const bars = await this.feed.bars({ symbol, interval, ...range });
        return generation === this.generation ? bars : undefined;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        if (generation !== this.generation) return undefined;
      }
    }
  }

  private merge(packed: Float64Array): void {
    const { candles, plot } = this;
    const changed = candles.merge(packed);
    if (changed === 'nothing') return;
    const fresh = changed === 'everything' ? [] : candles.from(changed.from);
    if (changed === 'everything' || fresh.length > UPDATES_MAX) {
      plot.replace(candles.all, candles.places);
    } else for (const bar of fresh) plot.update(bar, candles.places);
    flag(this.container, 'bars', String(candles.all.length));
    this.explain();
  }

  private mark(): void {
    if (!this.shown) return;
    const marks = this.marks.of(this.shown.symbol, (ts) => this.candles.covering(ts));
    this.plot.mark(marks);
    flag(this.container, 'gaps', String(marks.filter(({ lossy }) => lossy).length));
    flag(this.container, 'marks', String(marks.length));
  }

  private explain(): void {
    const bar = this.pointed === undefined ? this.candles.last : this.candles.at(this.pointed);
    this.legend.paint(bar, this.candles.places);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { plot } = this;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => plot.pan(event.shiftKey ? -50 : -5),
      ArrowRight: () => plot.pan(event.shiftKey ? 50 : 5),
      '+': () => plot.zoom(0.8),
      '=': () => plot.zoom(0.8),
      '-': () => plot.zoom(1.25),
      End: () => plot.scrollToLive(),
      Home: () => plot.pan(-this.candles.all.length),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
