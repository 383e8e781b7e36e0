/** Iterators, the choice of a transport, statistics and waking, each on its own. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FeedClient, type Data, type FeedItem } from '../src/index.ts';
import { Inbox } from '../src/inbox.ts';
import { Ladder, TRANSPORTS, type TransportName } from '../src/ladder.ts';
import { Tally } from '../src/stats.ts';
import { endpoint } from '../src/transport.ts';
import { FakeSocket } from './fake_socket.ts';

const trade = (n: number, S = 'A', more: object = {}): Data =>
  ({ ...{ T: 't', S, n, o: n, ts: 0, p: 1, v: 1, d: 0, places: 0 }, ...more }) as Data;
const numbers = async (inbox: AsyncIterable<FeedItem>): Promise<unknown[]> => {
  const seen: unknown[] = [];
  for await (const item of inbox) seen.push('n' in item ? item.n : item.T);
  return seen;
};

describe('iterators', () => {
  it('drop the oldest beyond their bound, and count them', async () => {
    const inbox = new Inbox(false, () => {}, { buffer: 3 });
    for (let n = 1; n <= 5; n++) inbox.push(trade(n));
    inbox.end();
    expect(await numbers(inbox)).toEqual([3, 4, 5]);
    expect(inbox.dropped).toBe(2);
  });

  it('keep the newest of each symbol and channel, first come first read', async () => {
    const inbox = new Inbox(true, () => {});
    const quote = { ...trade(7), T: 'q', b: 1, B: 1, a: 1, A: 1 } as Data;
    const gap = { T: 'gap', S: 'A', ch: 'trades', from: 1, to: 2, why: 'slow' } as const;
    for (const item of [trade(1), quote, trade(2, 'B'), gap, trade(3), trade(4)]) inbox.push(item);
    inbox.end();
    expect(await numbers(inbox)).toEqual([4, 7, 2]);
    expect(inbox.dropped).toBe(2);
  });

  it('wake every reader, throw at the end, and let go when left', async () => {
    const left = vi.fn();
    const inbox = new Inbox(false, left);
    const readers = [inbox.next(), inbox.next()];
    inbox.push(trade(1));
    inbox.push(trade(2));
    expect((await Promise.all(readers)).map(({ value }) => value)).toEqual([trade(1), trade(2)]);
    const late = inbox.next();
    inbox.push(trade(3));
    inbox.end(new Error('over'));
    expect(await late).toMatchObject({ value: { n: 3 } });
    await expect(inbox.next()).rejects.toThrow('over');
    expect(left).toHaveBeenCalledOnce();
    const other = new Inbox(false, left);
    for (let n = 1; n <= 3; n++) other.push(trade(n));
    for await (const item of other) {
      expect(item).toEqual(trade(1));
      break;
    }
    expect(left).toHaveBeenCalledTimes(2);
    expect(await other.next()).toEqual({ value: undefined, done: true });
  });

  it('do not begin with a signal that is over', async () => {
    const inbox = new Inbox(false, () => {}, { signal: AbortSignal.abort() });
    expect(await numbers(inbox)).toEqual([]);
  });
});

describe('the choice of a transport', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const down = (ladder: Ladder, names: TransportName[]): void => {
    for (const name of names) {
      expect(ladder.current).toBe(name);
      ladder.failed(name, false);
    }
  };

  it('goes down in order, and begins again when none is left', () => {
    const ladder = new Ladder(TRANSPORTS);
    expect(TRANSPORTS.map((name) => ladder.failed(name, false))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    expect(ladder.current).toBe('ws');
  });

  it('forgets what failed on the way to a server that is away', () => {
    const ladder = new Ladder(TRANSPORTS);
    down(ladder, ['ws']);
    expect(ladder.failed('sse', true)).toBe(false);
    expect(ladder.current).toBe('ws');
  });

  it('believes one that has worked through two failures', () => {
    const ladder = new Ladder(TRANSPORTS);
    ladder.got('ws');
    expect([1, 2, 3].map(() => ladder.failed('ws', false))).toEqual([false, false, true]);
    expect(ladder.current).toBe('sse');
  });

  it('tries better ones again after five minutes, or on another network', () => {
    const ladder = new Ladder(TRANSPORTS);
    down(ladder, ['ws', 'sse']);
    ladder.got('stream');
    vi.advanceTimersByTime(299_000);
    expect(ladder.current).toBe('stream');
    vi.advanceTimersByTime(2000);
    expect(ladder.current).toBe('ws');
    down(ladder, ['ws']);
    ladder.forget();
    expect(ladder.current).toBe('ws');
  });

  it('leaves one that falls silent twice in a row', () => {
    const ladder = new Ladder(TRANSPORTS);
    expect(ladder.silenced('ws')).toBe(false);
    vi.advanceTimersByTime(130_000);
    expect(ladder.silenced('ws')).toBe(false);
    vi.advanceTimersByTime(20_000);
    expect(ladder.silenced('ws')).toBe(true);
    expect(ladder.current).toBe('sse');
  });
});

describe('statistics', () => {
  it('take nearest-rank percentiles of the last 2048 ages', () => {
    const tally = new Tally();
    expect(tally.stats(undefined, 0, 0).staleness_ms).toBeUndefined();
    for (let i = 0; i < 5000; i++) tally.event(trade(i), 9_000_000);
    for (let ms = 2048; ms > 0; ms--) tally.event(trade(ms), ms * 1000);
    tally.event(trade(1, 'A', { snap: 1 }), 9e12);
    expect(tally.stats(undefined, 0, 0).staleness_ms).toEqual({ p50: 1024, p99: 2028 });
  });

  it('count events within merged records, and holes', () => {
    const tally = new Tally();
    tally.event(trade(9, 'A', { T: 'm', n0: 5 }), 0);
    tally.event(trade(10), 0);
    tally.hole({ S: 'A', ch: 'trades', from: 11, to: 13, why: 'slow' });
    const counts = { events: 6, merged: 4, gaps: 1, lost: 3, bytes: 7, repeats: 2 };
    expect(tally.stats(undefined, 7, 2)).toMatchObject(counts);
  });
});

describe('addresses', () => {
  it.each([
    ['http://h:1', 'ws', 'ws://h:1/v1/ws'],
    ['https://h', 'ws', 'wss://h/v1/ws'],
    ['wss://h/v1/ws', 'poll', 'https://h/v1/poll'],
    ['ws://h/v1/ws', 'ws', 'ws://h/v1/ws'],
    ['https://h/feed/?key=1', 'sse', 'https://h/feed/v1/sse?key=1'],
    ['https://ws.example/http', 'bars', 'https://ws.example/http/v1/bars'],
  ])('of %s for %s is %s', (url, path, address) => {
    const made = endpoint(url, path);
    if (path !== 'ws') made.protocol = made.protocol.replace('ws', 'http');
    expect(`${made}`).toBe(address);
  });
});

describe('what cannot work', () => {
  it('is refused when the client is made, not at every dial', () => {
    expect(() => new FeedClient({ url: 'not an address' })).toThrow(/Invalid URL/);
    const transports = ['carrier pigeon'] as unknown as TransportName[];
    expect(() => new FeedClient({ url: 'http://h', transports })).toThrow('carrier pigeon');
  });
});

describe('waking', () => {
  let page: EventTarget;
  let client: FeedClient;
  let visibilityState = 'visible';

  beforeEach(() => {
    vi.useFakeTimers();
    FakeSocket.all = [];
    page = new EventTarget();
    visibilityState = 'visible';
    const document = new EventTarget();
    Object.defineProperty(document, 'visibilityState', { get: () => visibilityState });
    vi.stubGlobal('document', document);
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    client = new FeedClient({
      url: 'ws://x',
      webSocket: FakeSocket,
      transports: ['ws'],
      random: () => 1,
    });
    client.connect();
    FakeSocket.last.greet();
  });
  afterEach(() => {
    client.close();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it.each(['online', 'pageshow'])('dials at once on %s', (event) => {
    FakeSocket.last.end(1006);
    page.dispatchEvent(new Event(event));
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('dials when the tab is seen, not when it is hidden', () => {
    FakeSocket.last.end(1006);
    visibilityState = 'hidden';
    document.dispatchEvent(new Event('visibilitychange'));
    expect(FakeSocket.all).toHaveLength(1);
    visibilityState = 'visible';
    document.dispatchEvent(new Event('visibilitychange'));
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('keeps to the time that the server has named', () => {
    FakeSocket.last.say({ T: 'bye', code: 1012, retry_ms: 3000 });
    FakeSocket.last.end(1012);
    page.dispatchEvent(new Event('online'));
    expect(FakeSocket.all).toHaveLength(1);
    vi.advanceTimersByTime(3000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('gives up a connection that fell silent while the timers slept', () => {
    const socket = FakeSocket.last;
    vi.setSystemTime(Date.now() + 60_000);
    page.dispatchEvent(new Event('pageshow'));
    expect(socket.closed).toBe(true);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('listens no longer once it is closed, by call or by signal', () => {
    FakeSocket.last.end(1006);
    client.close();
    page.dispatchEvent(new Event('online'));
    expect(FakeSocket.all).toHaveLength(1);
    const stop = new AbortController();
    const options = { url: 'ws://x', webSocket: FakeSocket, signal: stop.signal };
    const other = new FeedClient({ ...options, transports: ['ws'] });
    other.connect();
    stop.abort();
    expect(other.status.state).toBe('closed');
    expect(FakeSocket.last.closed).toBe(true);
    other.connect();
    expect(other.status.state).toBe('closed');
  });
});
