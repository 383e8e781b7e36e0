/** What goes wrong between a client and the real server, over every transport; and how the client falls back. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TRANSPORTS, type TransportName } from '../../src/ladder.ts';
import { BadProxy } from './bad_proxy.ts';
import { FeedServer } from './feed_server.ts';
import { Ledger } from './ledger.ts';

const ARGS = ['--symbols', '20', '--rate', '600', '--shards', '2', '--drain-s', '1'];

let server: FeedServer;
let proxy: BadProxy;
let ledger: Ledger | undefined;

beforeEach(async () => {
  server = await FeedServer.start(ARGS);
  proxy = await BadProxy.start(server.port);
});
afterEach(async () => {
  ledger?.client.close();
  proxy.close();
  await server.kill();
});

function start(transports?: TransportName[], url = server.url): Ledger {
  const quick = { heartbeatMs: 300, firstByteMs: 1000, pollMs: 100, waitMs: 1000 };
  ledger = new Ledger({ url, ...quick, ...(transports && { transports }) });
  ledger.client.subscribe({ symbols: ['*'] });
  ledger.client.connect();
  return ledger;
}

describe.each(TRANSPORTS)('%s', (transport) => {
  const away = (ledger: Ledger) => () => ledger.client.status.state === 'reconnecting';
  const live = (ledger: Ledger) => () => ledger.client.status.state === 'live';

  it('server killed and started again: comes back with a snapshot', async () => {
    const ledger = start([transport]);
    await ledger.more(50);
    await server.kill();
    await ledger.until('noticed', away(ledger));
    server = await FeedServer.start([...ARGS, '--seed', '2'], server.port);
    await ledger.until('live', live(ledger));
    await ledger.more(50);
    expect(ledger.outcomes).toEqual(['snapshot', 'snapshot']);
    expect(ledger.faults).toEqual([]);
    expect(ledger.switches).toEqual([]);
    expect(ledger.client.stats()).toMatchObject({ reconnects: 1, gaps: 0 });
  });

  it('server stalled: says so, and goes on without loss', async () => {
    const ledger = start([transport]);
    await ledger.more(50);
    server.signal('SIGSTOP');
    const streamed = transport !== 'poll' && transport !== 'longpoll';
    const noticed = streamed ? 'stale' : 'reconnecting';
    await ledger.until(noticed, () => ledger.states.includes(noticed));
    server.signal('SIGCONT');
    await ledger.until('live', live(ledger));
    await ledger.more(200);
    expect(ledger.faults).toEqual([]);
    expect(ledger.client.stats().gaps).toBe(0);
    expect(new Set(ledger.outcomes.slice(1))).not.toContain('gap');
  });

  it('half-open connection: gives it up, and resumes', async () => {
    const ledger = start([transport], proxy.url);
    await ledger.more(50);
    proxy.swallow();
    await ledger.until('noticed', () => ledger.states.includes('reconnecting'));
    await ledger.until('live', live(ledger));
    await ledger.more(50);
    expect(ledger.errors[0]).toMatchObject({ code: 'silent' });
    // A pool of connections may hand out another dead one.
    expect(ledger.outcomes[0]).toBe('snapshot');
    expect(new Set(ledger.outcomes.slice(1))).toEqual(new Set(['resumed']));
    expect(ledger.faults).toEqual([]);
    expect(ledger.client.stats()).toMatchObject({ gaps: 0 });
  });

  it('bye: comes back when the server asked for it', async () => {
    const ledger = start([transport]);
    let retry_ms: number | undefined;
    let told = 0;
    ledger.client.on('frame', (messages) => {
      for (const message of messages) {
        if (message.T !== 'bye') continue;
        retry_ms = message.retry_ms;
        told = Date.now();
      }
    });
    await ledger.more(50);
    server.signal('SIGTERM');
    await ledger.until('noticed', away(ledger));
    if (transport === 'poll' || transport === 'longpoll') return;
    expect(retry_ms).toBeGreaterThan(0);
    const due = ledger.client.status.retryAt! - told;
    expect(due).toBeGreaterThanOrEqual(retry_ms!);
    expect(due).toBeLessThan(retry_ms! + 1000);
  });
});

describe('falling back', () => {
  it.each<[TransportName, Pick<BadProxy, 'refuse' | 'hold'>]>([
    ['sse', { refuse: ['/v1/ws'], hold: [] }],
    ['stream', { refuse: ['/v1/ws', '/v1/sse'], hold: [] }],
    ['longpoll', { refuse: ['/v1/ws'], hold: ['/v1/sse', '/v1/stream'] }],
    ['poll', { refuse: ['/v1/ws', '/v1/long-poll'], hold: ['/v1/sse', '/v1/stream'] }],
    ['sse', { refuse: [], hold: ['/v1/ws'] }],
  ])('reaches %s through a proxy of %j', async (transport, faults) => {
    Object.assign(proxy, faults);
    const ledger = start(undefined, proxy.url);
    await ledger.more(100);
    expect(ledger.transport).toBe(transport);
    expect(ledger.switches).toEqual([`ws>${transport}`]);
    expect(ledger.faults).toEqual([]);
    expect(ledger.outcomes).toEqual(['snapshot']);
  });

  it('keeps the cursor when it has to leave a transport that has worked', async () => {
    const ledger = start(undefined, proxy.url);
    const { client } = ledger;
    const [symbol] = (await client.symbols()).map((row) => row.S) as [string];
    client.subscribe({ symbols: [symbol], channels: ['quotes', 'bars:1s'] });
    await ledger.more(100);
    expect(ledger.transport).toBe('ws');
    proxy.refuse = ['/v1/ws'];
    proxy.cut();
    await ledger.until('over SSE', () => ledger.transport === 'sse');
    await ledger.more(100);
    proxy.hold = ['/v1/sse'];
    proxy.refuse = ['/v1/ws', '/v1/stream'];
    proxy.cut();
    await ledger.until('over long polls', () => ledger.transport === 'longpoll', 25_000);
    await ledger.more(100);
    expect(ledger.switches).toEqual(['ws>sse', 'sse>longpoll']);
    expect(ledger.faults).toEqual([]);
    expect(client.stats()).toMatchObject({ gaps: 0, switches: 2 });
    expect(new Set(ledger.outcomes.slice(2))).toEqual(new Set(['resumed']));
  });

  it('does not fall back because the server is away', async () => {
    const ledger = start();
    await ledger.more(50);
    await server.kill();
    await ledger.until('five dials', () => ledger.client.status.attempt >= 5, 25_000);
    server = await FeedServer.start(ARGS, server.port);
    await ledger.until('live', () => ledger.client.status.state === 'live', 25_000);
    await ledger.more(50);
    expect(ledger.transport).toBe('ws');
    expect(ledger.switches).toEqual([]);
  });
});
