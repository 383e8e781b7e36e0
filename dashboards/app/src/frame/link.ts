/**
 * What the frame shows of the connection: pill, latency badge, the panel behind the pill, the notice, and the text read
 * aloud. Is told values, keeps no prices, and touches an element only when its text changes.
 */
import type { Figures } from '../feed/talk.ts';
import { bytes, count, milliseconds } from './format.ts';
import { element, mark, write } from './elements.ts';
import { latencyText, notice, pillText, spoken, stateOf, viaText, type Health } from './words.ts';

export class LinkView {
  private readonly pill = element('pill');
  private readonly noticeText = element('notice');
  private readonly latency = element('latency');
  private state = '';
  private bytesBefore = 0;

  health(health: Health, now_ms: number): void {
    write(element('pill-text'), pillText(health, now_ms));
    write(element('pill-via'), viaText(health.status));
    this.explain(notice(health));
    const state = stateOf(health);
    if (state === this.state) return;
    this.state = state;
    mark(this.pill, 'state', state);
    mark(document.body, 'fresh', String(state === 'live'));
    say(spoken(health));
  }

  /** Once a second. */
  figures({ stats, latency_us, clock, heartbeat }: Figures): void {
    const shown = latencyText(latency_us, clock?.error_us);
    write(this.latency, shown);
    write(
      element('link-latency'),
      clock ? `${shown}, clocks compared to ±${milliseconds(clock.error_us)}` : shown,
    );
    write(element('link-bytes'), `${bytes(Math.max(0, stats.bytes - this.bytesBefore))}/s`);
    this.bytesBefore = stats.bytes;
    write(element('link-behind'), heartbeat ? `${heartbeat.behind_ms} ms` : '–');
    write(element('link-reconnects'), count(stats.reconnects));
    write(element('link-lost'), count(stats.lost));
  }

  /** A sentence over the page; `code` in backticks. */
  private explain(sentence: string | undefined): void {
    if ((this.noticeText.dataset['text'] ?? '') === (sentence ?? '')) return;
    this.noticeText.dataset['text'] = sentence ?? '';
    this.noticeText.hidden = sentence === undefined;
    const parts = (sentence ?? '').split('`').map((text, i) => {
      if (i % 2 === 0) return text;
      const code = document.createElement('code');
      code.textContent = text;
      return code;
    });
    this.noticeText.replaceChildren(...parts);
  }
}

/** Read aloud by those who listen instead of looking. */
export function say(text: string): void {
  write(element('live'), text);
}
