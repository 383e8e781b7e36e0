/** Servers that say no, and servers that speak nonsense, over every transport. */
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { TRANSPORTS } from '../src/ladder.ts';
import { FakeServer, refuse, WELCOME, type FakeAnswers } from './fake_server.ts';
import { Ledger } from './server/ledger.ts';

let server: FakeServer;
let ledger: Ledger;

async function start(answers: FakeAnswers, transports = TRANSPORTS): Promise<void> {
  server = await FakeServer.start(answers);
  ledger = new Ledger({ url: server.url, transports, firstByteMs: 5000, random: () => 0.1 });
  ledger.client.connect();
}
afterEach(() => {
  ledger.client.close();
  server.close();
});

describe.each([[...TRANSPORTS], ...TRANSPORTS.map((name) => [name])])('%s', (...transports) => {
  it.each([
    [401, 'unauthorized', 4001],
    [403, 'forbidden', 4003],
  ])('a server that answers %i is not asked again', async (status, problem, closeCode) => {
    const http = (_: string, response: ServerResponse): void => refuse(response, status, problem);
    await start({ http }, transports);
    const subscription = ledger.client.subscribe({ symbols: ['A'] });
    const refusal = { code: 'refused', status, problem, closeCode };
    await expect(subscription.events().next()).rejects.toMatchObject(refusal);
    expect(ledger.client.status).toMatchObject({ state: 'closed', code: closeCode });
    // What was on its way has come when a request of our own has been answered.
    await fetch(`${server.url}/first`);
    const { length } = server.asked;
    ledger.client.dialNow();
    await fetch(`${server.url}/second`);
    expect(server.asked.slice(length)).toEqual(['/second']);
  });
});

const NONSENSE = '[{"T":"t","S":"A","n":1,"o":1,';
const poll = (messages: string): string => `{"cursor":"e:1","messages":${messages},"more":false}`;
const bad: Record<string, FakeAnswers> = {
  ws: { socket: (socket) => (socket.send(WELCOME), socket.send(NONSENSE)) },
  sse: { http: (_, response) => response.write(`data:${WELCOME}\n\ndata:${NONSENSE}\n\n`) },
  stream: { http: (_, response) => response.write(`${WELCOME}\n${NONSENSE}\n`) },
  longpoll: { http: (_, response) => response.end(poll(NONSENSE)) },
  poll: { http: (_, response) => response.end('{"cursor":"e:1"}') },
};

describe.each(TRANSPORTS)('%s', (transport) => {
  it('drops a connection that brings what is no frame, and comes back', async () => {
    await start(bad[transport]!, [transport]);
    ledger.client.subscribe({ symbols: ['A'] });
    await ledger.until('dialled again', () => ledger.errors.length >= 2);
    expect(ledger.errors[0]).toMatchObject({ name: 'DecodeError', code: 'decode' });
    expect(ledger.client.status.state).not.toBe('closed');
  });

  it('knows a server that is overloaded, and when it wants us back', async () => {
    const answers: FakeAnswers = {
      http: (_, response) => response.writeHead(503, { 'retry-after': '7' }).end(),
    };
    await start(answers, transport === 'ws' ? ['ws', 'sse'] : [transport]);
    ledger.client.subscribe({ symbols: ['A'] });
    await ledger.until('refused', () => ledger.errors.length > 0);
    await ledger.until('waiting', () => ledger.client.status.retryAt !== undefined);
    expect(ledger.errors[0]).toMatchObject({ code: 'unreachable', status: 503, retry_ms: 7000 });
    expect(ledger.client.status.retryAt! - Date.now()).toBeGreaterThan(5000);
  });
});

describe('falling back', () => {
  it('passes over paths that are not there, and comes to rest on the last', async () => {
    const http = (path: string, response: ServerResponse): void => {
      if (path === '/v1/poll') response.end(poll('[]'));
      else response.writeHead(404).end();
    };
    await start({ http });
    ledger.client.subscribe({ symbols: ['A'] });
    await ledger.until('live', () => ledger.client.status.state === 'live');
    expect(ledger.transport).toBe('poll');
    expect(server.asked.slice(0, 5)).toEqual(
      ['ws', 'sse', 'stream', 'long-poll', 'poll'].map((path) => `/v1/${path}`),
    );
  });

  it('passes over paths whose connections are cut, if others are answered', async () => {
    const http = (path: string, response: ServerResponse): void => {
      if (path === '/v1/long-poll') response.end(poll('[]'));
      else if (path === '/v1/bars') refuse(response, 400, 'bad_request');
      else response.destroy();
    };
    await start({ http });
    ledger.client.subscribe({ symbols: ['A'] });
    await ledger.until('live', () => ledger.client.status.state === 'live');
    expect(ledger.transport).toBe('longpoll');
  });

  it('leaves a stream that keeps falling silent', async () => {
    const http = (path: string, response: ServerResponse): void => {
      if (path === '/v1/sse') response.write(`data:${WELCOME.replace('5000', '250')}\n\n`);
      else if (path === '/v1/poll') response.end(poll('[]'));
      else response.writeHead(404).end();
    };
    await start({ http }, ['sse', 'poll']);
    ledger.client.subscribe({ symbols: ['A'] });
    await ledger.until('poll', () => ledger.switches.length === 1);
    expect(ledger.switches).toEqual(['sse>poll']);
    expect(
      ledger.errors.filter((error) => 'code' in error && error.code === 'silent'),
    ).toHaveLength(2);
  });

  it('says what to do where there is no WebSocket', async () => {
    const real = globalThis.WebSocket;
    Object.assign(globalThis, { WebSocket: undefined });
    try {
      server = await FakeServer.start({ http: (_, response) => response.end(poll('[]')) });
      ledger = new Ledger({
        url: server.url,
        webSocket: undefined as never,
        transports: ['ws', 'poll'],
      });
      ledger.client.connect();
      expect(ledger.errors[0]).toMatchObject({ code: 'unsupported' });
      expect(ledger.errors[0]!.message).toContain('`webSocket`');
      expect(ledger.transport).toBe('poll');
      const only = (): Ledger =>
        new Ledger({ url: server.url, webSocket: undefined as never, transports: ['ws'] });
      expect(only).toThrow('no transport');
    } finally {
      Object.assign(globalThis, { WebSocket: real });
    }
  });
});
