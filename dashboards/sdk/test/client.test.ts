/** The client against a socket whose other end is the test, with a clock that only the test moves. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FeedClient, type LostRange, type SubscribeRequest } from '../src/index.ts';
import { FakeSocket } from './fake_socket.ts';

let client: FeedClient;
let states: string[];
let gaps: LostRange[];

function start(random = () => 1): FakeSocket {
  client = new FeedClient({
    url: 'ws://x/v1/ws',
    webSocket: FakeSocket,
    random,
    transports: ['ws'],
  });
  client.on('state', (status) => states.push(status.state));
  client.on('gap', (lost) => gaps.push(lost));
  client.connect();
  return FakeSocket.last;
}

const request: SubscribeRequest = { symbols: ['*'], mode: 'latest', interval_ms: 250 };
const subscribed = (cursor: string, recovered?: boolean): object => ({
  ...{ T: 'subscribed', id: 1, symbols: ['*'], channels: ['trades'], mode: 'latest', cursor },
  ...(recovered === undefined ? {} : { recovered }),
});
const trade = (n: number, o: number): object => ({
  ...{ T: 't', S: 'A', n, o, ts: 1, p: 1.5, v: 1, d: 0 },
});

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  states = [];
  gaps = [];
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

describe('connection', () => {
  it('offers its format, waits for the welcome, then subscribes', () => {
    const socket = start();
    client.subscribe(request);
    expect(socket.protocol).toBe('feed.v1.json');
    expect(socket.requests).toEqual([]);
    socket.greet();
    expect(states).toEqual(['connecting', 'live']);
    expect(socket.requests).toEqual([{ op: 'subscribe', id: 1, channels: ['trades'], ...request }]);
  });

  it('resumes from the cursor, and tells of what was not recovered', () => {
    const first = start();
    client.subscribe(request);
    first.greet();
    first.say(subscribed('e:10'), trade(5, 12));
    first.end(1006);
    expect(client.status).toMatchObject({ state: 'reconnecting', attempt: 1, code: 1006 });
    vi.advanceTimersByTime(250);
    const second = FakeSocket.last;
    expect(second).not.toBe(first);
    second.greet();
    expect(second.requests[0]).toMatchObject({ op: 'subscribe', since: 'e:12' });
    second.say(
      subscribed('e:12', false),
      { T: 'gap', S: 'A', ch: 'trades', from: 1, to: 8, why: 'history' },
      { ...trade(9, 40), snap: 1 },
    );
    expect(gaps).toEqual([{ S: 'A', ch: 'trades', from: 6, to: 8, why: 'history' }]);
    expect(states.at(-1)).toBe('live');
  });

  it('takes what is still on its way after an unsubscribe for nothing new', () => {
    const socket = start();
    client.subscribe(request);
    socket.greet();
    socket.say(subscribed('e:10'), trade(5, 12));
    client.unsubscribe(['A']);
    socket.say(trade(6, 13));
    client.subscribe(request);
    socket.say(trade(7, 14));
    socket.say({ ...subscribed('e:20'), id: 2 }, { ...trade(40, 50), snap: 1 }, trade(41, 51));
    expect(gaps).toEqual([]);
    socket.say(trade(43, 53));
    expect(gaps).toMatchObject([{ from: 42, to: 42 }]);
  });

  it('expects other numbers after a change of epoch', () => {
    start().greet('e');
    FakeSocket.last.say(trade(50, 50));
    FakeSocket.last.end(1006);
    vi.advanceTimersByTime(250);
    FakeSocket.last.greet('f');
    FakeSocket.last.say(trade(1, 1), trade(2, 2));
    expect(gaps).toEqual([]);
    expect(client.sequence.repeats).toBe(0);
  });

  it('uses heartbeat.sent as a cursor while the symbols are quiet', () => {
    const socket = start();
    const subscription = client.subscribe(request);
    socket.greet();
    socket.say(subscribed('e:10'), { T: 'heartbeat', ts: 1, o: 90, sent: 80 });
    expect(subscription.cursor).toBe('e:80');
  });

  it('waits as long as bye says', () => {
    start().greet();
    FakeSocket.last.say({ T: 'bye', code: 1012, retry_ms: 3250, cursor: 'e:5' });
    FakeSocket.last.end(1012);
    vi.advanceTimersByTime(3249);
    expect(FakeSocket.all).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it('does not come back from 4000-4099, comes back at once from 4200-4299', () => {
    start().greet();
    FakeSocket.last.end(4200);
    vi.advanceTimersByTime(0);
    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last.greet();
    FakeSocket.last.end(4001);
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(client.status).toMatchObject({ state: 'closed', code: 4001 });
  });

  it('dials at once when told to, and gives up a dial that hangs', () => {
    start().end(1006);
    client.dialNow();
    expect(FakeSocket.all).toHaveLength(2);
    client.dialNow();
    expect(FakeSocket.all).toHaveLength(2);
    vi.advanceTimersByTime(5000);
    expect(FakeSocket.all[1]!.closed).toBe(true);
    expect(client.status.state).toBe('reconnecting');
  });
});

describe('liveness', () => {
  it('is stale after two missed heartbeats, live again at a sign of life', () => {
    const socket = start();
    socket.greet('e', 1000);
    vi.advanceTimersByTime(2000);
    expect(client.status.state).toBe('live');
    vi.advanceTimersByTime(250);
    expect(client.status.state).toBe('stale');
    socket.say({ T: 'heartbeat', ts: 1, o: 1, sent: 1 });
    expect(client.status.state).toBe('live');
    vi.advanceTimersByTime(2250);
    expect(client.status.state).toBe('stale');
  });

  it('gives up a connection that stays silent', () => {
    const socket = start();
    socket.greet('e', 1000);
    vi.advanceTimersByTime(4250);
    expect(socket.closed).toBe(true);
    expect(client.status.state).toBe('reconnecting');
  });
});

describe('robustness', () => {
  it('drops a connection that sends what is no frame', () => {
    const errors: unknown[] = [];
    const socket = start();
    client.on('error', (error) => errors.push(error));
    socket.greet();
    socket.onmessage?.({ data: '{"T":' });
    expect(errors).toHaveLength(1);
    expect(client.status.state).toBe('reconnecting');
  });

  it('does not repeat a refused subscription', () => {
    const socket = start();
    client.subscribe({ symbols: ['ZZZZ'] });
    socket.greet();
    socket.say({ T: 'error', id: 1, code: 'unknown_symbol', msg: 'no symbol ZZZZ' });
    socket.end(1006);
    vi.advanceTimersByTime(250);
    FakeSocket.last.greet();
    expect(FakeSocket.last.requests).toEqual([]);
  });

  it('takes names out of subscriptions and patterns for good', () => {
    const socket = start();
    client.subscribe({ symbols: ['A', 'B'] });
    client.subscribe({ symbols: ['X*'] });
    socket.greet();
    client.unsubscribe(['A', 'X1']);
    expect(socket.requests.at(-1)).toEqual({ op: 'unsubscribe', symbols: ['A', 'X1'] });
    socket.end(1006);
    vi.advanceTimersByTime(250);
    FakeSocket.last.greet();
    expect(FakeSocket.last.requests.map((r) => r['symbols'])).toEqual([['B'], ['X*'], ['X1']]);
  });

  it('gives a symbol to the newest subscription that names it, and back when that is closed', () => {
    const socket = start();
    const all = client.subscribe({ symbols: ['*'] });
    const other = client.subscribe({ symbols: ['A'], channels: ['quotes'] });
    socket.greet();
    socket.say({ ...subscribed('e:1'), id: 1 }, { ...trade(1, 1), snap: 1 });
    const [moved, seen]: [unknown[], string[]] = [[], []];
    all.on('moved', (to) => moved.push(to));
    other.on('moved', (to) => moved.push(to));
    all.on('trade', ({ n }) => seen.push(`all ${n}`));
    const one = client.subscribe({ symbols: ['A'], mode: 'latest', interval_ms: 1000 });
    one.on('trade', ({ n }) => seen.push(`one ${n}`));
    expect(moved).toEqual([one]);
    socket.say({ ...subscribed('e:1'), id: one.id });
    socket.say(trade(2, 2));
    one.close();
    expect(socket.requests.slice(-2)).toEqual(
      [
        { op: 'unsubscribe', symbols: ['A'], channels: ['trades'] },
        { op: 'subscribe', id: all.id, symbols: ['*'], channels: ['trades'] },
      ].map((request) => ('id' in request ? expect.objectContaining(request) : request)),
    );
    expect(socket.requests.at(-1)).not.toHaveProperty('since');
    socket.say(subscribed('e:8'), { ...trade(5, 8), snap: 1 }, trade(6, 9));
    expect(seen).toEqual(['one 2', 'all 5', 'all 6']);
    expect(gaps).toEqual([]);
  });

  it('repeats overlapping subscriptions in their order', () => {
    const socket = start();
    client.subscribe({ symbols: ['A', 'B'] });
    client.subscribe({ symbols: ['A'], mode: 'latest', interval_ms: 1000 });
    socket.greet();
    socket.end(1006);
    vi.advanceTimersByTime(250);
    FakeSocket.last.greet();
    expect(FakeSocket.last.requests.map((r) => [r['id'], r['symbols']])).toEqual([
      [1, ['A', 'B']],
      [2, ['A']],
    ]);
  });

  it('estimates the clock offset from answered pings', () => {
    const socket = start();
    socket.greet();
    const ping = socket.sent.find((message) => message['op'] === 'ping')!;
    const ours = (performance.timeOrigin + performance.now()) * 1000;
    socket.say({ T: 'pong', id: ping['id'], ts: Math.round(ours) + 7000 });
    expect(client.offset?.offset_us).toBeCloseTo(7000, -1);
  });
});
