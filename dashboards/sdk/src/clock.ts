/**
 * How far the server's clock is ahead of ours, from pings: the answer's time lies between sending and receiving, so
 * `offset = ts - middle`, wrong by half the round trip at most. The quickest of the last few round trips is believed.
 */
export interface OffsetEstimate {
  /** Server's clock minus ours, µs. */
  offset_us: number;
  /** The error is not greater than this, µs. */
  error_us: number;
  rtt_us: number;
}

const KEPT = 8;

export class ClockOffset {
  readonly #samples: OffsetEstimate[] = [];

  /** One answered ping: our clock when it was sent and received, the server's when it answered; all µs. */
  add(sent_us: number, server_us: number, received_us: number): void {
    const rtt_us = received_us - sent_us;
    if (rtt_us < 0) return;
    this.#samples.push({
      offset_us: server_us - (sent_us + received_us) / 2,
      error_us: rtt_us / 2,
      rtt_us,
    });
    if (this.#samples.length > KEPT) this.#samples.shift();
  }

  /** The best known estimate. */
  get best(): OffsetEstimate | undefined {
    let best: OffsetEstimate | undefined;
    for (const sample of this.#samples) if (!best || sample.rtt_us < best.rtt_us) best = sample;
    return best;
  }
}
