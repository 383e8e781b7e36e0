/**
 * The network between page and server, as a TCP relay that can be cut: connections end and new ones are refused, which is
 * what a lost network looks like. Relays bytes, reads none.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class Cable {
  private readonly ends = new Set<Socket>();
  private plugged = true;

  private constructor(
    private readonly listener: Server,
    private readonly to: number,
  ) {
    listener.on('connection', (near) => this.relay(near));
  }

  /** Leads to a port on this machine. */
  static async start(to: number): Promise<Cable> {
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return new Cable(listener, to);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}/`;
  }

  cut(): void {
    this.plugged = false;
    for (const end of this.ends) end.destroy();
  }

  mend(): void {
    this.plugged = true;
  }

  close(): void {
    this.cut();
    this.listener.close();
  }

  private relay(near: Socket): void {
    if (!this.plugged) return void near.destroy();
    const far = connect(this.to, '127.0.0.1');
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.ends.add(end);
      end.pipe(other);
      end.on('error', () => other.destroy());
      end.on('close', () => {
        this.ends.delete(end);
        other.destroy();
      });
    }
  }
}
