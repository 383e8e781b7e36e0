/**
 * Paints everything around the table: pill, latency, facts, notice, and the text read aloud. Is told values, keeps none,
 * and touches an element only when its text changes.
 */
import type { OffsetEstimate } from '@tickcast/client';
import { count, milliseconds } from './format.ts';
import { notice, pillText, spoken, type Health } from './words.ts';

/** Spoken text changes at most this often, except for the state. */
const SPEAK_MS = 5000;

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

export class Header {
  private readonly pill = element('pill');
  private readonly pillText = element('pill-text');
  private readonly via = element('pill-via');
  private readonly latencyBadge = element('latency');
  private readonly noticeText = element('notice');
  private readonly live = element('live');
  private state = '';
  private spokeGaps = 0;
  private spokeAt = 0;

  health(health: Health, now_ms: number): void {
    const { status } = health;
    text(this.pillText, pillText(health, now_ms));
    text(this.via, `WebSocket · ${status.format === 'json' ? 'JSON' : 'MessagePack'}`);
    this.explain(notice(health));
    if (status.state === this.state) return;
    this.state = status.state;
    this.pill.dataset['state'] = status.state;
    document.body.dataset['fresh'] = String(status.state === 'live');
    text(this.live, spoken(health));
  }

  latency(median_us: number | undefined, offset: OffsetEstimate | undefined): void {
    const known = median_us !== undefined && offset !== undefined;
    this.latencyBadge.hidden = !known;
    if (!known) return;
    const value = document.createElement('b');
    value.textContent = milliseconds(Math.max(0, median_us));
    this.latencyBadge.replaceChildren('latency ', value);
    this.latencyBadge.title =
      `From the instant an event was due until it arrived, median of the last second; includes up to 250 ms of merging. ` +
      `Clocks compared to ±${milliseconds(offset.error_us)}.`;
  }

  facts(values: Partial<Record<'symbols' | 'received' | 'merged' | 'painted', string>>): void {
    for (const [name, value] of Object.entries(values)) text(element(`fact-${name}`), value);
  }

  gaps(total: number, lastOne: string, now_ms: number): void {
    text(element('fact-gaps'), count(total));
    if (total === 0 || total === this.spokeGaps) return;
    const box = element('fact-gaps-box');
    box.dataset['some'] = 'true';
    box.title = `Events were lost; the last time: ${lastOne}`;
    if (now_ms - this.spokeAt < SPEAK_MS) return;
    this.spokeAt = now_ms;
    this.spokeGaps = total;
    text(this.live, `${total === 1 ? 'One gap' : `${total} gaps`}; the last one: ${lastOne}.`);
  }

  /** A sentence over the page; `code` in backticks. */
  private explain(sentence: string | undefined): void {
    if ((this.noticeText.dataset['text'] ?? '') === (sentence ?? '')) return;
    this.noticeText.dataset['text'] = sentence ?? '';
    this.noticeText.hidden = sentence === undefined;
    const parts = (sentence ?? '').split('`').map((part, i) => {
      if (i % 2 === 0) return part;
      const code = document.createElement('code');
      code.textContent = part;
      return code;
    });
    this.noticeText.replaceChildren(...parts);
  }
}

function text(target: HTMLElement, value: string): void {
  if (target.textContent !== value) target.textContent = value;
}
