/**
 * The race in a real browser against a real server with its laboratory: what is measured, what buttons and sliders do, what
 * is said without a laboratory and without a server. Leaves screenshots in `test-results/`.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabState } from '../src/race/lab.ts';
import { serious } from './axe.ts';
import { DEADLINE_MS, open, shoot, type Opened } from './market.ts';
import { launch, Server } from './server.ts';

const LANES = ['ws', 'sse', 'stream', 'longpoll', 'poll'];
const WHOLE_WINDOW = /^1[12]$/;
/** A window has to fill first. */
const WINDOW_DEADLINE_MS = 30_000;

let server: Server;
let browser: Browser;
let opened: Opened;
let page: Page;

beforeAll(async () => {
  server = await Server.start(0, ['--lab']);
  browser = await launch();
  opened = await open(browser, race());
  page = opened.page;
});
afterAll(async () => {
  await browser?.close();
  await server?.kill();
});

function race(): string {
  return `${server.url}race.html`;
}

async function lab(): Promise<LabState> {
  return (await (await fetch(`${server.url}lab`)).json()) as LabState;
}

async function text(lane: string, selector: string, on = page): Promise<string> {
  return on.locator(`[data-lane=${lane}] ${selector}`).innerText();
}

/** `mean 1,240 ms`, `p99 12.4 s`, `0.6 ms` in ms. */
function ms(shown: string): number {
  const [, number, unit] = /([\d.,]+)\s*(ms|s)/.exec(shown) ?? [];
  return Number(number?.replace(',', '')) * (unit === 's' ? 1000 : 1);
}

async function age(lane: string): Promise<number> {
  return ms((await text(lane, '.lane-now')).replace('\n', ' '));
}

async function allLive(on = page): Promise<void> {
  await on.locator('#pill-text', { hasText: 'All lanes live' }).waitFor();
  for (const lane of LANES) {
    await on.locator(`[data-lane=${lane}] .lane-price`, { hasText: /\d/ }).waitFor();
  }
}

async function windowIsFull(): Promise<void> {
  const shown = page.locator('#window', { hasText: WHOLE_WINDOW });
  await shown.waitFor({ timeout: WINDOW_DEADLINE_MS });
}

/** Moves a slider with the keyboard until it says so. */
async function slide(id: string, key: 'ArrowRight' | 'ArrowLeft', words: string): Promise<void> {
  await page.locator(`#${id}`).focus();
  for (let step = 0; step < 20; step++) {
    if ((await page.locator(`#${id}-text`).innerText()) === words) return;
    await page.keyboard.press(key);
  }
  throw new Error(`#${id} never says ${words}`);
}

describe('race', () => {
  it('has all lanes live', async () => {
    await allLive();
    expect(await page.locator('.lane-list .lane').count()).toBe(5);
    expect(await page.locator('#clock').innerText()).toBe('Server and page share one clock.');
    expect(await page.locator('#no-lab').isVisible()).toBe(false);
  });

  it('shows what polling once a second costs', async () => {
    await windowIsFull();
    const [ws, poll] = [ms(await text('ws', '.lane-mean')), ms(await text('poll', '.lane-mean'))];
    // Half an interval more than what is pushed; on a busy machine the source is late for both alike.
    expect(poll - ws).toBeGreaterThan(380);
    expect(poll - ws).toBeLessThan(680);
    expect(ms(await text('poll', '.fact-late .fact-value'))).toBeGreaterThan(400);
    expect(await page.locator('#headline').innerText()).toMatch(
      /^Polling once a second shows you a price that is \d+ ms old.*\nWebSocket: /,
    );
    expect(Number(await text('poll', '.fact-requests .fact-value'))).toBeCloseTo(1, 0);
    expect(await text('ws', '.fact-requests')).toContain('stays open');
    expect(Number(await text('longpoll', '.fact-requests .fact-value'))).toBeGreaterThan(5);
    expect(await text('longpoll', '.fact-bytes .fact-more')).toMatch(/^[2-9][\d.]* × WebSocket/);
    const theory = page.locator('[data-lane=poll] .theory');
    expect(await theory.getAttribute('d')).toMatch(/^M0 /);
    for (const lane of LANES) {
      expect(await text(lane, '.fact-missed .fact-value'), lane).toBe('0');
      expect(await text(lane, '.fact-cpu .fact-value'), lane).toMatch(/^[\d.]+ µs/);
    }
    await shoot(page, 'race-desktop-dark');
  });

  it('counts the bytes that passed the relay', async () => {
    const bytes = async (): Promise<number> => {
      const { relay } = (await lab()).lanes.find(({ name }) => name === 'sse')!;
      return relay.up_bytes + relay.down_bytes;
    };
    const [before, begun] = [await bytes(), Date.now()];
    await expect.poll(() => Date.now() - begun, { timeout: DEADLINE_MS }).toBeGreaterThan(6000);
    const rate = ((await bytes()) - before) / ((Date.now() - begun) / 1000);
    const [, number, unit] = /([\d.]+) (B|kB)/.exec(await text('sse', '.fact-bytes .fact-value'))!;
    const shown = Number(number) * (unit === 'kB' ? 1000 : 1);
    expect(shown / rate).toBeGreaterThan(0.6);
    expect(shown / rate).toBeLessThan(1.7);
  });

  it('feels a stall, and recovers without missing anything', async () => {
    await page.locator('[data-lane=ws] button', { hasText: 'Stall' }).click();
    await page.locator('[data-lane=ws][data-state=stalled]').waitFor();
    // Against a lane that is not stalled: on a busy machine the source itself may be late.
    const behind = async () => (await age('ws')) - (await age('sse'));
    await expect.poll(behind, { timeout: DEADLINE_MS }).toBeGreaterThan(1200);
    await page.locator('[data-lane=ws][data-state=live]').waitFor();
    await expect.poll(() => age('ws'), { timeout: DEADLINE_MS }).toBeLessThan(500);
    expect(await text('ws', '.fact-missed .fact-value')).toBe('0');
    // Whoever was held back for seconds is seen in the slowest hundredth.
    await expect
      .poll(async () => ms(await text('ws', '.fact-late .fact-more')))
      .toBeGreaterThan(1000);
  });

  it.each(['ws', 'sse', 'stream'])('resumes %s after a drop, and misses nothing', async (lane) => {
    await page.locator(`[data-lane=${lane}] button`, { hasText: 'Drop' }).click();
    await page
      .locator(`[data-lane=${lane}] .lane-note`, { hasText: 'resumed, nothing missed' })
      .waitFor();
    await expect.poll(() => age(lane), { timeout: DEADLINE_MS }).toBeLessThan(1000);
    expect(await text(lane, '.fact-missed .fact-value')).toBe('0');
    await allLive();
  });

  it('polls as often as the slider says', async () => {
    await slide('poll', 'ArrowLeft', '200 ms');
    await page.waitForURL(/poll_ms=200/);
    const requests = async () => Number(await text('poll', '.fact-requests .fact-value'));
    await expect.poll(requests, { timeout: DEADLINE_MS }).toBeGreaterThan(2.5);
    await windowIsFull();
    const [poll, ws] = [ms(await text('poll', '.lane-mean')), ms(await text('ws', '.lane-mean'))];
    const said = await page.locator('#headline').innerText();
    await slide('poll', 'ArrowRight', '1 s');
    expect(poll - ws).toBeLessThan(350);
    expect(said).toMatch(/^Polling 5 times a second/);
  });

  it('has the server follow the sliders', async () => {
    await slide('rate', 'ArrowLeft', '500/s');
    await expect.poll(async () => (await lab()).rate).toBe(500);
    await slide('delay', 'ArrowRight', '100 ms');
    const delays = async () => (await lab()).lanes.map(({ delay_ms }) => delay_ms);
    await expect.poll(delays).toEqual([100, 100, 100, 100, 100]);
    const late = async () => ms(await text('ws', '.fact-late .fact-value'));
    await expect.poll(late, { timeout: WINDOW_DEADLINE_MS }).toBeGreaterThan(99);
    await slide('delay', 'ArrowLeft', 'none');
    await expect.poll(delays).toEqual([0, 0, 0, 0, 0]);
    const { crowd_possible } = await lab();
    expect(await page.locator('#clients').isEnabled()).toBe(crowd_possible);
    if (crowd_possible) {
      await slide('clients', 'ArrowRight', '10');
      const clients = async () => (await lab()).lanes.map(({ clients }) => clients);
      await expect.poll(clients, { timeout: DEADLINE_MS }).toEqual([10, 10, 10, 10, 10]);
      const served = async () => (await lab()).lanes[0]!.server.connections;
      await expect.poll(served, { timeout: DEADLINE_MS }).toBe(11);
      await slide('clients', 'ArrowLeft', 'this page');
      await expect.poll(clients, { timeout: DEADLINE_MS }).toEqual([0, 0, 0, 0, 0]);
    }
    await slide('rate', 'ArrowRight', '2,000/s');
    await expect.poll(async () => (await lab()).rate).toBe(2000);
  });

  it('counts what a lane that is sent the latest alone is not told singly', async () => {
    await page.locator('[data-mode=latest]').click();
    expect(page.url()).toContain('mode=latest');
    await page.locator('[data-lane=poll] .fact-missed', { hasText: /\d merged/ }).waitFor();
    expect(await text('poll', '.fact-missed .fact-value')).toBe('0');
    await page.locator('[data-mode=every]').click();
    await allLive();
  });

  it('is used with the keyboard alone, and says the result', async () => {
    const said = async (): Promise<string | null> => {
      await page.locator('body').press('s');
      return page.locator('#live').textContent();
    };
    await expect.poll(said, { timeout: DEADLINE_MS }).toMatch(/^Polling once a second shows/);
    await page.locator('[data-lane=poll] button', { hasText: 'Stall' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('[data-lane=poll][data-state=stalled]').waitFor();
    await page.locator('[data-lane=poll][data-state=live]').waitFor();
    await page.keyboard.press('?');
    await page.locator('#help[open]').waitFor();
    await page.keyboard.press('Escape');
  });

  it('has no serious finding of axe, and had nothing to complain of', async () => {
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('t');
    expect(await serious(page)).toEqual([]);
    await shoot(page, 'race-desktop-light');
    const expected = /ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED|WebSocket connection/;
    expect(opened.complaints.filter((complaint) => !expected.test(complaint))).toEqual([]);
  });

  it.each(['dark', 'light'] as const)('fits a phone of 360 px, %s', async (colorScheme) => {
    const phone = await open(browser, race(), {
      ...{ viewport: { width: 360, height: 740 }, colorScheme, hasTouch: true, isMobile: true },
      reducedMotion: 'reduce',
    });
    await allLive(phone.page);
    await phone.page.locator('#headline strong').first().waitFor();
    const wide = await phone.page.evaluate(() =>
      [...document.querySelectorAll('body *')]
        .filter((part) => part.getBoundingClientRect().right > 360.5)
        .filter((part) => getComputedStyle(part).clipPath === 'none')
        .map((part) => part.className || part.tagName),
    );
    expect(wide).toEqual([]);
    expect(await serious(phone.page)).toEqual([]);
    await shoot(phone.page, `race-360-${colorScheme}`);
    await phone.close();
  });

  it('says when the server is away, and finds the new relays when it is back', async () => {
    await server.kill();
    await page.locator('#notice', { hasText: 'No server answers' }).waitFor();
    await page.locator('#pill[data-state=closed]').waitFor();
    server = await Server.start(server.port, ['--lab']);
    await page.locator('#notice').waitFor({ state: 'hidden' });
    await allLive();
    await expect.poll(() => age('ws'), { timeout: DEADLINE_MS }).toBeLessThan(1000);
  });
});

describe('race without a laboratory', () => {
  it('races all the same, and says how to get one', async () => {
    const plain = await Server.start();
    const visit = await open(browser, `${plain.url}race.html`);
    await allLive(visit.page);
    await visit.page.locator('#no-lab', { hasText: '--lab' }).waitFor();
    expect(await visit.page.locator('#rate').isDisabled()).toBe(true);
    expect(await visit.page.locator('.lane-buttons button:enabled').count()).toBe(0);
    await visit.page.locator('#headline strong').first().waitFor();
    expect(await visit.page.locator('#counted').innerText()).toContain('payload alone');
    expect(await serious(visit.page)).toEqual([]);
    await visit.close();
    await plain.kill();
  });

  it('asks for one once, and again when somebody comes back', async () => {
    let plain = await Server.start();
    const visit = await open(browser, plain.url);
    let asked = 0;
    visit.page.on('request', (request) => {
      if (new URL(request.url()).pathname === '/lab') asked += 1;
    });
    await visit.page.goto(`${plain.url}race.html`);
    await visit.page.locator('#no-lab', { hasText: '--lab' }).waitFor();
    await plain.kill();
    plain = await Server.start(plain.port, ['--lab']);
    expect(asked).toBe(1);
    await visit.page.evaluate(() => window.dispatchEvent(new Event('focus')));
    await visit.page.locator('#rate:enabled').waitFor();
    expect(await visit.page.locator('#no-lab').isVisible()).toBe(false);
    await visit.close();
    await plain.kill();
  });
});
