/** The server page without a browser: reading metrics, rates, quantiles, the window, what is said of it all. */
import { describe, expect, it } from 'vitest';
import { labelled, parse, value } from '../src/server/openmetrics.ts';
import { ms, PANELS } from '../src/server/panels.ts';
import { quantile, rate } from '../src/server/rates.ts';
import { summary } from '../src/server/summary.ts';
import { PanelWindow } from '../src/server/window.ts';

const TEXT = `# HELP tickcast_gaps Gaps announced, by cause.
# TYPE tickcast_gaps counter
tickcast_gaps_total{why="slow"} 3
tickcast_gaps_total{why="a \\"quoted\\" \\\\ one"} 4
tickcast_ready 1
tickcast_age_seconds 1.5e-3
tickcast_top{le="+Inf"} +Inf
# EOF
`;

describe('openmetrics', () => {
  it('is read by name and labels', () => {
    const scrape = parse(TEXT, 0);
    expect(value(scrape, 'tickcast_gaps_total')).toBe(7);
    expect(value(scrape, 'tickcast_gaps_total', { why: 'slow' })).toBe(3);
    expect(labelled(scrape, 'tickcast_gaps_total', 'why')).toEqual(['slow', 'a "quoted" \\ one']);
    expect(value(scrape, 'tickcast_age_seconds')).toBe(0.0015);
    expect(value(scrape, 'tickcast_top', { le: '+Inf' })).toBe(Infinity);
    expect(value(scrape, 'tickcast_unknown')).toBeNaN();
  });
});

const histogram = (counts: number[]): string =>
  counts.map((n, i) => `h_bucket{le="${['0.001', '0.01', '0.1', '+Inf'][i]}"} ${n}`).join('\n');

describe('rates', () => {
  const counter = (n: number, at: number) => parse(`c_total{a="1"} ${n}\nc_total{a="2"} 5`, at);

  it('are differences a second, and nothing after a restart', () => {
    expect(rate(counter(10, 1), counter(30, 3), 'c')).toBe(10);
    expect(rate(counter(10, 1), counter(30, 3), 'c', { a: '2' })).toBe(0);
    expect(rate(counter(10, 1), counter(3, 3), 'c')).toBeNaN();
    expect(rate(counter(10, 1), counter(30, 3), 'other')).toBeNaN();
  });

  it('take quantiles of what came in between alone', () => {
    const from = parse(histogram([100, 100, 100, 100]), 0);
    const to = parse(histogram([150, 200, 200, 200]), 1);
    expect(quantile(from, to, 'h', 0.25)).toBeCloseTo(0.0005);
    expect(quantile(from, to, 'h', 0.5)).toBeCloseTo(0.001);
    expect(quantile(from, to, 'h', 0.75)).toBeCloseTo(0.0055);
    expect(quantile(from, from, 'h', 0.5)).toBeNaN();
    const beyond = parse(histogram([100, 100, 100, 300]), 1);
    expect(quantile(from, beyond, 'h', 0.99)).toBe(0.1);
  });
});

describe('window', () => {
  it('keeps five minutes, and holes', () => {
    const window = new PanelWindow(2);
    for (let at = 0; at <= 1000; at++) window.add(at, at === 999 ? [] : [at, NaN]);
    const [times, first, second] = window.data(1000);
    expect(times.length).toBe(303);
    expect([times[0], times.at(-1)]).toEqual([-302, 0]);
    expect(first!.slice(-2)).toEqual([null, 1000]);
    expect(second!.every((value) => value === null)).toBe(true);
    expect(window.last(0)).toBe(1000);
  });

  it('begins with a minute', () => {
    const window = new PanelWindow(1);
    window.add(500, [1]);
    expect([500, 559, 561, 700, 2000].map((now) => window.span(now))).toEqual([
      ...[60, 60, 120, 300, 300],
    ]);
  });
});

/** A scrape of a server with these samples, and nothing unusual beside them. */
function server(at: number, some: Record<string, number> = {}) {
  const samples = {
    'messages_sent_total{transport="websocket"}': at * 100,
    'sent_bytes_total{transport="websocket"}': at * 9000,
    'connections{transport="websocket"}': 2,
    slow_connections: 0,
    merged_events_total: 0,
    'gaps_total{why="slow"}': 0,
    'queue_overwrites_total{shard="0"}': 0,
    'queue_depth{shard="0"}': 0,
    source_age_seconds: 0.01,
    market_events_total: at * 2000,
    'publish_to_write_seconds_bucket{le="0.001"}': at * 10,
    'publish_to_write_seconds_bucket{le="+Inf"}': at * 10,
    ...some,
  };
  const lines = Object.entries(samples).map(([name, value]) => `tickcast_${name} ${value}`);
  return parse(lines.join('\n'), at);
}

describe('summary', () => {
  const say = (some: Record<string, number> = {}) => summary(server(10), server(15, some));

  it('says that all is well, with figures', () => {
    expect(say()).toMatchObject({
      tone: 'good',
      sentence: '100 messages a second to 2 connections; 99 % are written within 0.99 ms.',
    });
    const tiles = new Map(say().tiles.map((tile) => [tile.id, `${tile.value} ${tile.more}`]));
    expect(tiles.get('events')).toBe('2,000/s events');
    expect(tiles.get('messages')).toBe('100/s messages, 9.0 kB/s');
  });

  it('says what is wrong, the worst first', () => {
    expect(say({ slow_connections: 1 })).toMatchObject({
      tone: 'warn',
      sentence: expect.stringMatching(/^One client is slow/),
    });
    const gaps = { 'gaps_total{why="slow"}': 10, slow_connections: 1 };
    expect(say(gaps).sentence).toBe('Clients lose events: 2 gaps a second.');
    const full = { ...gaps, 'queue_overwrites_total{shard="0"}': 5 };
    expect(say(full).sentence).toMatch(/does not keep up/);
    expect(say({ ...full, source_age_seconds: 9 }).sentence).toBe(
      'The source has been silent for 9 s.',
    );
    expect(say({ 'connections{transport="websocket"}': 0 }).sentence).toMatch(/nobody/);
  });
});

describe('panels', () => {
  it('have a name each, and print what they show', () => {
    expect(new Set(PANELS.map(({ id }) => id)).size).toBe(PANELS.length);
    expect([0.012, 4.25, 84.4, 12_000].map(ms)).toEqual(['0.01 ms', '4.3 ms', '84 ms', '12 s']);
  });
});
