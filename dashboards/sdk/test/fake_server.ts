/** A server whose answers the test writes: refusals, broken frames, streams that stop. Speaks HTTP and WebSocket. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

export interface FakeAnswers {
  http?: (path: string, response: ServerResponse) => void;
  /** Without it an upgrade is answered like a request. */
  socket?: (socket: WebSocket) => void;
}

export const WELCOME = JSON.stringify([
  { T: 'welcome', epoch: 'e', offset: 0, heartbeat_ms: 5000, limits: {} },
]);

export class FakeServer {
  readonly url: string;
  /** Paths asked for, in order. */
  readonly asked: string[] = [];
  readonly #server: Server;

  private constructor(server: Server, answers: FakeAnswers) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const sockets = new WebSocketServer({ noServer: true });
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      const { pathname } = new URL(request.url!, this.url);
      this.asked.push(pathname);
      answers.http?.(pathname, response);
      if (!answers.http) response.writeHead(404).end();
    };
    server.on('request', answer);
    if (!answers.socket) return;
    server.on('upgrade', (request, socket, head) => {
      this.asked.push('/v1/ws');
      sockets.handleUpgrade(request, socket, head, answers.socket!);
    });
  }

  static async start(answers: FakeAnswers): Promise<FakeServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeServer(server, answers);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Answers as the server refuses: RFC 9457. */
export function refuse(response: ServerResponse, status: number, code: string): void {
  const body = { type: 'about:blank', title: 'no', status, code, detail: `because of ${code}` };
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify(body));
}
