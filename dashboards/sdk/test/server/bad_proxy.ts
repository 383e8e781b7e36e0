/**
 * A TCP proxy that fails in the ways of real networks: cuts connections, lets them hang half open, refuses upgrades, holds
 * back what is streamed. Reads just enough HTTP to tell which request it carries.
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

type Path = '/v1/ws' | '/v1/sse' | '/v1/stream' | '/v1/long-poll' | '/v1/poll';

export class BadProxy {
  readonly url: string;
  /** Requests of these are answered with 403, as proxies answer upgrades. */
  refuse: Path[] = [];
  /** Answers of these are held back until they end, which streams never do. */
  hold: Path[] = [];
  /** Requests seen, by path. */
  readonly requests = new Map<string, number>();
  readonly #server: Server;
  readonly #links = new Set<{ client: Socket; server: Socket; swallow: boolean }>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(port: number): Promise<BadProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = new BadProxy(server);
    server.on('connection', (client) => proxy.#accept(client, port));
    return proxy;
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
  }

  /** From now on nothing passes on the connections there are, and nobody is told. */
  swallow(): void {
    for (const link of this.#links) link.swallow = true;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #accept(client: Socket, port: number): void {
    const server = connect(port, '127.0.0.1');
    const link = { client, server, swallow: false };
    let path = '';
    this.#links.add(link);
    client.on('data', (bytes) => {
      if (link.swallow) return;
      const request = /^GET ([^ ?]+)/.exec(bytes.toString('latin1'));
      if (request) {
        path = request[1]!;
        this.requests.set(path, (this.requests.get(path) ?? 0) + 1);
        if (this.refuse.includes(path as Path)) {
          client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
          return;
        }
      }
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (!link.swallow && !this.hold.includes(path as Path)) client.write(bytes);
    });
    const end = (): void => {
      client.destroy();
      server.destroy();
      this.#links.delete(link);
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
  }
}
