/**
 * What the race page says around its lanes: pill, notice when nobody answers, ends of the axis, how the figures were measured.
 * Is told values and writes them.
 */
import { element, mark, write } from '../frame/elements.ts';
import { count } from '../frame/format.ts';
import { duration } from './headline.ts';
import type { LabAnswer } from './lab.ts';
import { LANES, type RaceClock } from './talk.ts';

export class Status {
  private readonly notice = element('notice');
  private away = false;

  lab(answer: LabAnswer): void {
    this.away = answer === 'away';
    if (this.away && this.notice.hidden) {
      const command = document.createElement('code');
      command.textContent = 'make run';
      this.notice.replaceChildren(
        `No server answers at ${location.host}. Start it with `,
        command,
        '; the lanes come back by themselves once it is up.',
      );
    }
    this.notice.hidden = !this.away;
  }

  /** How many lanes are live. */
  live(states: readonly string[]): void {
    const live = states.filter((state) => state === 'live').length;
    const text = live === LANES.length ? 'All lanes live' : `${live} of ${LANES.length} lanes live`;
    write(element('pill-text'), this.away ? 'No server' : text);
    mark(element('pill'), 'state', this.away ? 'closed' : live === LANES.length ? 'live' : 'stale');
  }

  axis(end_ms: number): void {
    [...element('axis').children].forEach((tick, i, all) => {
      const ms = (end_ms * i) / (all.length - 1);
      write(
        tick,
        i === 0 ? '0' : ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(2))} s`,
      );
    });
  }

  /** By which clock, by whom bytes were counted, and of how many seconds the figures are. */
  measured(clock: RaceClock, hasLab: boolean, isShared: boolean, seconds: number): void {
    write(element('window'), String(Math.round(seconds)));
    write(element('clock'), clockText(clock));
    const counted = hasLab
      ? 'Bytes are counted by a relay in front of each lane, both ways, all headers included.'
      : 'Without --lab, bytes are of payload alone.';
    const both = ' Another page uses these lanes too: bytes are of both.';
    write(element('counted'), isShared ? counted + both : counted);
  }

  events(symbol: string, updates_s: number | undefined): void {
    const rate = updates_s === undefined ? '' : ` · ${count(Math.round(updates_s))} trades/s`;
    write(element('title-symbol'), `${symbol}${rate}`);
  }
}

export function clockText({ source, offset_us, error_us }: RaceClock): string {
  switch (source) {
    case 'one clock':
      return 'Server and page share one clock.';
    case 'measured': {
      const sign = offset_us < 0 ? '−' : '+';
      return `Server’s clock: ${sign}${duration(Math.abs(offset_us) / 1000)} ± ${duration(error_us / 1000)} against this one.`;
    }
    default:
      return 'Server’s clock is not yet compared with this one: ages take them for equal.';
  }
}
