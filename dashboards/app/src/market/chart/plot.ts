/**
 * The drawing: candles and volume with lightweight-charts, in the page's colours. Is given bars and marks and tells what is
 * looked at; knows neither history nor network. Times are UTC.
 */
import {
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  CrosshairMode,
  HistogramSeries,
  type CandlestickData,
  type HistogramData,
  type IChartApi,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type SeriesMarker,
  type Time,
  type UTCTimestamp,
} from 'lightweight-charts';
import { colours, onTheme } from '../../frame/colours.ts';
import { price } from '../../frame/format.ts';
import { allowLogo } from './attribution.ts';
import type { Candle } from './candles.ts';
import type { Mark } from './marks.ts';

const COLOURS = [
  'surface',
  'muted',
  'line',
  'line-soft',
  'up',
  'down',
  'up-wash',
  'down-wash',
  'warn',
] as const;
/** Share of the height that belongs to the volume. */
const VOLUME = 0.18;
/** Distance of the prices at the side, in heights of their text: more of them say no more, and cost a third of a drawing. */
const LABELS = 4.5;
/** Bars seen at first: as many as are this wide, within bounds. */
const BAR_PX = 7.5;
const SEEN_MIN = 40;
const SEEN_MAX = 160;
/** Empty places right of the newest bar. */
const RIGHT = 6;

export interface PlotOwner {
  /** So many bars are left of what is seen; negative beyond the first. */
  lookedAt(barsLeft: number): void;
  /** The bar under the crosshair, by its start in µs. */
  pointedAt(ts: number | undefined): void;
}

export class Plot {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<'Candlestick'>;
  private readonly volume: ISeriesApi<'Histogram'>;
  /** Only while there are marks: with it the library lays out the whole chart and draws it twice for every new state of a bar. */
  private markers: ISeriesMarkersPluginApi<Time> | undefined;
  private palette = colours(COLOURS);
  private marks: Mark[] = [];

  constructor(container: HTMLElement, owner: PlotOwner) {
    this.chart = createChart(container, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 11 },
      crosshair: { mode: CrosshairMode.Normal },
      timeScale: { timeVisible: true, rightOffset: RIGHT, minBarSpacing: 1 },
      rightPriceScale: {
        borderVisible: false,
        scaleMargins: { top: 0.14, bottom: VOLUME + 0.06 },
        tickMarkDensity: LABELS,
      },
      kineticScroll: { mouse: false, touch: !matchMedia('(prefers-reduced-motion)').matches },
    });
    this.candles = this.chart.addSeries(CandlestickSeries, { borderVisible: false });
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: 'volume',
      priceFormat: { type: 'volume' },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.chart.priceScale('volume').applyOptions({ scaleMargins: { top: 1 - VOLUME, bottom: 0 } });
    allowLogo(this.chart);
    this.colour();
    onTheme(() => {
      this.palette = colours(COLOURS);
      this.colour();
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range) owner.lookedAt(range.from);
    });
    this.chart.subscribeCrosshairMove(({ time }) => {
      owner.pointedAt(typeof time === 'number' ? time * 1e6 : undefined);
    });
  }

  /** How prices are printed, and whether seconds are. */
  begin(places: number, seconds: boolean): void {
    const format = (value: number): string => price(Math.round(value * 10 ** places), places);
    this.candles.applyOptions({
      priceFormat: { type: 'custom', minMove: 10 ** -places, formatter: format },
    });
    this.chart.timeScale().applyOptions({ secondsVisible: seconds });
    this.candles.setData([]);
    this.volume.setData([]);
    this.mark([]);
    this.chart.priceScale('right').applyOptions({ autoScale: true });
  }

  /** All bars anew; what is looked at stays where it is. */
  replace(bars: readonly Candle[], places: number): void {
    this.candles.setData(bars.map((bar) => candle(bar, places)));
    this.volume.setData(bars.map((bar) => this.column(bar)));
    this.mark(this.marks);
  }

  /** A bar at the end, or a new state of the last one. */
  update(bar: Candle, places: number): void {
    this.candles.update(candle(bar, places));
    this.volume.update(this.column(bar));
  }

  mark(marks: Mark[]): void {
    this.marks = marks;
    const { warn, muted } = this.palette;
    if (marks.length === 0) {
      this.markers?.detach();
      this.markers = undefined;
      return;
    }
    this.markers ??= createSeriesMarkers(this.candles, []);
    this.markers.setMarkers(
      marks.map(({ ts, lossy, text }): SeriesMarker<Time> => ({
        time: seconds(ts),
        position: 'aboveBar',
        shape: lossy ? 'arrowDown' : 'circle',
        color: lossy ? warn : muted,
        text,
      })),
    );
  }

  /** The newest bars, as at first. */
  home(size: number): void {
    const scale = this.chart.timeScale();
    const seen = Math.min(SEEN_MAX, Math.max(SEEN_MIN, scale.width() / BAR_PX));
    scale.setVisibleLogicalRange({ from: size - seen, to: size + seen / 20 });
  }

  /** Of `size` bars, how many there are from the left edge of what is seen on, if the newest one is seen; 0 if none is. */
  seen(size: number): number | undefined {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range) return 0;
    return range.to >= size - 1 ? Math.ceil(size - range.from) : undefined;
  }

  /** At once: the library's own way there is animated, and ends a frame's share of the way too early. */
  scrollToLive(): void {
    this.chart.timeScale().scrollToPosition(RIGHT, false);
  }

  /** Moves by so many bars; to the past where negative. */
  pan(by: number): void {
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (range) scale.setVisibleLogicalRange({ from: range.from + by, to: range.to + by });
  }

  /** Shows `factor` times as many bars, the newest of them staying. */
  zoom(factor: number): void {
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (!range) return;
    const width = Math.min(5000, Math.max(10, (range.to - range.from) * factor));
    scale.setVisibleLogicalRange({ from: range.to - width, to: range.to });
  }

  private column(bar: Candle): HistogramData<UTCTimestamp> {
    const color = bar.C < bar.O ? this.palette['down-wash'] : this.palette['up-wash'];
    return { time: seconds(bar.ts), value: bar.v, color };
  }

  private colour(): void {
    const { surface, muted, up, down, line } = this.palette;
    const soft = this.palette['line-soft'];
    this.chart.applyOptions({
      layout: {
        background: { color: surface },
        textColor: muted,
        fontFamily: getComputedStyle(document.body).fontFamily,
        attributionLogo: true,
      },
      grid: { vertLines: { color: soft }, horzLines: { color: soft } },
      timeScale: { borderColor: line },
      crosshair: { vertLine: { color: muted }, horzLine: { color: muted } },
    });
    this.candles.applyOptions({
      upColor: up,
      downColor: down,
      wickUpColor: up,
      wickDownColor: down,
    });
    this.mark(this.marks);
  }
}

function seconds(ts_us: number): UTCTimestamp {
  return (ts_us / 1e6) as UTCTimestamp;
}

function candle({ ts, O, H, L, C }: Candle, places: number): CandlestickData<UTCTimestamp> {
  const steps = 10 ** places;
  return { time: seconds(ts), open: O / steps, high: H / steps, low: L / steps, close: C / steps };
}
