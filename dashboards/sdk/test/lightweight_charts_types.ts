/** Compiles only if the library's own types fit the adapter's; never run. */
import type { IChartApi, ISeriesApi, ISeriesMarkersPluginApi, Time } from 'lightweight-charts';
import type { FeedClient } from '../src/index.ts';
import { CandleFeed } from '../src/lightweight_charts.ts';

export function fits(
  client: FeedClient,
  chart: IChartApi,
  candles: ISeriesApi<'Candlestick'>,
  volume: ISeriesApi<'Histogram'>,
  markers: ISeriesMarkersPluginApi<Time>,
): CandleFeed {
  const timeScale = chart.timeScale();
  return new CandleFeed(client, {
    symbol: 'AAPL',
    interval: '1m',
    candles,
    volume,
    timeScale,
    markers,
  });
}
