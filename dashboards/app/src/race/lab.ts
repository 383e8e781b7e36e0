/**
 * The server's laboratory: asks `/lab` twice a second, presses its buttons, and says when there is none, or nobody answers.
 * Where there is none, the lanes run on the server's own port and nothing can be pressed.
 */
import type { TransportName } from '@tickcast/client';
import { seenAgain } from '../frame/seen.ts';
import { LANES, type LaneRoute } from './talk.ts';

/** Where there is a laboratory, and while nobody answers. One that is not there is asked for when somebody comes back. */
const AGAIN_MS = { lab: 500, away: 1000 };

export interface LabLane {
  name: TransportName;
  port: number;
  delay_ms: number;
  stalled_ms: number;
  clients: number;
  /** Of the relay: everything that passed, with headers. */
  relay: { connections: number; up_bytes: number; down_bytes: number };
  /** Of the server, over all its clients on this transport. */
  server: {
    connections: number;
    requests: number;
    messages: number;
    sent_bytes: number;
    cpu_us: number;
  };
}

export interface LabState {
  /** The server's clock, µs. */
  ts: number;
  rate: number;
  rate_min: number;
  rate_max: number;
  crowd_possible: boolean;
  clients_max: number;
  lanes: LabLane[];
}

/** What a server has: a laboratory's state, no laboratory, or it does not answer. */
export type LabAnswer = LabState | 'none' | 'away';

export interface LaneOrder {
  delay_ms?: number;
  stall_ms?: number;
  cut?: true;
  clients?: number;
  poll_ms?: number;
}

export class Lab {
  private pressing = 0;

  constructor(private readonly heard: (answer: LabAnswer) => void) {}

  async start(): Promise<never> {
    for (;;) {
      // An answer from before a button was pressed would show the old position.
      const before = this.pressing;
      const answer = await this.ask('/lab');
      if (before === this.pressing) this.heard(answer);
      if (answer === 'none') await seenAgain();
      else await pause(AGAIN_MS[answer === 'away' ? 'away' : 'lab']);
    }
  }

  lane(name: TransportName, order: LaneOrder): Promise<void> {
    const query = Object.entries(order).map(([key, value]) => `&${key}=${value}`);
    return this.press(`/lab/lane?name=${name}${query.join('')}`);
  }

  async lanes(order: LaneOrder): Promise<void> {
    await Promise.all(LANES.map((name) => this.lane(name, order)));
  }

  rate(events_per_s: number): Promise<void> {
    return this.press(`/lab/rate?events_per_s=${events_per_s}`);
  }

  private async press(path: string): Promise<void> {
    this.pressing += 1;
    const answer = await this.ask(path, { method: 'POST', headers: { 'x-tickcast-lab': '1' } });
    this.pressing += 1;
    if (answer !== 'none') this.heard(answer);
  }

  private async ask(path: string, init?: RequestInit): Promise<LabAnswer> {
    try {
      const response = await fetch(path, { cache: 'no-store', ...init });
      if (response.status >= 500) return 'away';
      return response.ok ? ((await response.json()) as LabState) : 'none';
    } catch {
      return 'away';
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Where the lanes connect: each to its relay, or all to the page's own server. */
export function routes(lab: LabState | 'none', location: Location | URL): LaneRoute[] {
  return LANES.map((name) => {
    const lane = lab === 'none' ? undefined : lab.lanes.find((one) => one.name === name);
    const origin = lane
      ? `${location.protocol}//${location.hostname}:${lane.port}`
      : location.origin;
    return { name, url: origin };
  });
}
