/**
 * The market page in a real browser against the real server, while all is well: what it shows, how it is used with pointer
 * and keys, on a desktop and a phone. Leaves screenshots in `test-results/`.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serious } from './axe.ts';
import {
  alive,
  bars,
  compared,
  DEADLINE_MS,
  open,
  pillSays,
  ROW,
  shoot,
  type Opened,
} from './market.ts';
import { launch, Server } from './server.ts';

let server: Server;
let browser: Browser;
let opened: Opened;
let page: Page;

beforeAll(async () => {
  server = await Server.start();
  browser = await launch();
  opened = await open(browser, server.url);
  page = opened.page;
});
afterAll(async () => {
  await browser?.close();
  await server?.kill();
});

async function texts(on: Page, selector: string): Promise<string[]> {
  return on.locator(selector).allTextContents();
}

describe('market page', () => {
  it('shows rows, candles and trades, and is live', async () => {
    await alive(page);
    await pillSays(page, /^\s*Live/);
    expect(await page.locator('#pill-via').innerText()).toBe('WebSocket · JSON');
    await page.locator('#latency', { hasText: /ms/ }).waitFor();
    expect(await page.locator(ROW).count()).toBeGreaterThan(8);
    await page.locator(`${ROW} .spark path[d^="M"]`).first().waitFor({ state: 'attached' });
    expect(await page.locator('#note').innerText()).toBe('Prices are simulated');
    await shoot(page, 'market-desktop-dark');
  });

  it('prints every price with the places of its symbol', async () => {
    const list = (await (await fetch(`${server.url}v1/symbols`)).json()) as {
      S: string;
      places: number;
    }[];
    const places = new Map(list.map((symbol) => [symbol.S, symbol.places]));
    const rows = await page
      .locator(ROW)
      .evaluateAll((all) =>
        all.map((row) => [
          (row as HTMLElement).dataset['symbol']!,
          row.querySelector('.last')!.textContent!,
        ]),
      );
    expect(rows.length).toBeGreaterThan(8);
    for (const [symbol, last] of rows) {
      expect(last!.split('.')[1]?.length ?? 0, `${symbol} ${last}`).toBe(places.get(symbol!));
    }
  });

  it('subscribes only to what can be seen', async () => {
    const extra = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const watched = await extra.newPage();
    const asked: string[] = [];
    watched.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => asked.push(String(payload)));
    });
    await watched.goto(server.url);
    await alive(watched);
    const names = (): Set<string> =>
      new Set(asked.flatMap((text) => (JSON.parse(text) as { symbols?: string[] }).symbols ?? []));
    const first = names().size;
    expect(first).toBeGreaterThan(8);
    expect(first).toBeLessThan(60);
    expect(names().has('*')).toBe(false);
    await watched.locator('#rows').evaluate((rows) => rows.scrollTo(0, 10_000));
    await expect.poll(() => names().size, { timeout: DEADLINE_MS }).toBeGreaterThan(first);
    expect(asked.some((text) => text.includes('"unsubscribe"'))).toBe(true);
    await extra.close();
  });

  it('subscribes to all that can be seen, however long its first frame takes', async () => {
    const slow = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const watched = await slow.newPage();
    await watched.addInitScript(() => {
      window.requestAnimationFrame = (paint) =>
        window.setTimeout(() => paint(performance.now()), 600);
    });
    await watched.goto(server.url);
    await watched.locator(`${ROW}[data-old=false]`).first().waitFor();
    expect(await watched.locator(ROW).count()).toBeGreaterThan(8);
    await watched.locator(`${ROW}[data-old=true]`).first().waitFor({ state: 'detached' });
    await slow.close();
  });

  it('finds a symbol by typing, and shows it', async () => {
    await page.locator('#search').fill('micros');
    await page.locator('#fact-symbols', { hasText: / of / }).waitFor();
    await page.locator(`${ROW}[data-symbol="MSFT"]`).click();
    expect(await page.locator('#head-symbol').innerText()).toBe('MSFT');
    expect(page.url()).toContain('symbol=MSFT');
    expect(await page.title()).toBe('MSFT · Tickcast');
    await page.locator('#search').fill('no such symbol');
    await page.locator('#empty', { hasText: 'no such symbol' }).waitFor();
    await page.locator('#search').fill('');
    await alive(page);
  });

  it('sorts', async () => {
    const symbols = (): Promise<string[]> => texts(page, `${ROW} .ticker`);
    const given = await symbols();
    await page.locator('[data-sort=symbol]').click();
    await page.locator('[data-sort=symbol][aria-pressed=true]').waitFor();
    const byName = (await page.locator(ROW).evaluateAll((rows) =>
      rows
        .map((row) => [Number(row.getAttribute('aria-posinset')), row.getAttribute('data-symbol')])
        .sort((a, b) => (a[0] as number) - (b[0] as number))
        .map(([, symbol]) => symbol),
    )) as string[];
    expect(byName).toEqual([...byName].sort());
    expect(byName).not.toEqual(given);
    expect(page.url()).toContain('sort=symbol');
    await page.locator('[data-sort=symbol]').click();
    await page.locator('[data-sort=symbol]').click();
    expect(page.url()).not.toContain('sort=');
  });

  it('lets a candle grow', async () => {
    const volume = (): Promise<string> => page.locator('#legend .field b').last().innerText();
    const before = await volume();
    await expect.poll(volume, { timeout: DEADLINE_MS }).not.toBe(before);
  });

  it('changes the interval, and Back returns', async () => {
    await page.locator('#intervals button', { hasText: /^1s$/ }).click();
    expect(page.url()).toContain('interval=1s');
    await expect.poll(() => bars(page), { timeout: DEADLINE_MS }).toBeGreaterThan(50);
    const before = await bars(page);
    await expect.poll(() => bars(page), { timeout: DEADLINE_MS }).toBeGreaterThan(before);
    await page.goBack();
    await page.locator('#intervals button[aria-pressed=true]', { hasText: '1m' }).waitFor();
    await expect.poll(() => bars(page), { timeout: DEADLINE_MS }).toBeGreaterThan(250);
  });

  it('goes back in history when the chart is dragged', async () => {
    const before = await bars(page);
    const box = (await page.locator('#chart').boundingBox())!;
    const y = box.y + box.height / 2;
    for (let drag = 0; drag < 14; drag++) {
      await page.mouse.move(box.x + 60, y);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width - 120, y, { steps: 8 });
      await page.mouse.up();
    }
    await expect.poll(() => bars(page), { timeout: DEADLINE_MS }).toBeGreaterThan(before + 100);
    await page.keyboard.press('l');
  });

  it('drops bars far left of the screen, and has them all again when they are scrolled to', async () => {
    const { page, close } = await open(browser, `${server.url}?interval=1s`);
    await alive(page);
    const begun = await bars(page);
    // Not to the oldest bar: the server itself forgets those while the test compares them.
    const back = async (): Promise<void> => {
      await page.keyboard.press('c');
      await expect
        .poll(
          async () => {
            await page.keyboard.press('Home');
            return bars(page);
          },
          { timeout: DEADLINE_MS },
        )
        .toBeGreaterThan(begun + 400);
    };
    await back();
    await page.keyboard.press('l');
    await expect.poll(() => bars(page), { timeout: DEADLINE_MS }).toBeLessThan(500);
    const symbol = await page.locator('#head-symbol').innerText();
    const kept = await compared(page, server.url, symbol, '1s');
    expect(kept).toBeGreaterThan(200);
    await back();
    expect(await compared(page, server.url, symbol, '1s')).toBeGreaterThan(begun + 350);
    await close();
  });

  it('merges when the slider says so, and shows it', async () => {
    const slider = page.locator('#pace');
    await slider.focus();
    await page.keyboard.press('End');
    await page.locator('#pace-text', { hasText: '5 s' }).waitFor();
    expect(await slider.getAttribute('aria-valuetext')).toBe('5 s');
    await expect.poll(() => page.url()).toContain('interval_ms=5000');
    await page.locator('#fact-merged', { hasText: /[1-9].*\/s/ }).waitFor();
    await page.locator('.trade:not([hidden]) .many', { hasText: '×' }).first().waitFor();
    await page.keyboard.press('Home');
    await page.locator('#fact-merged', { hasText: /^0\/s/ }).waitFor();
    expect(page.url()).not.toContain('interval_ms');
  });

  it('works with the keyboard alone', async () => {
    await page.locator('body').click({ position: { x: 640, y: 20 } });
    await page.keyboard.press('/');
    await page.keyboard.type('nflx');
    await page.keyboard.press('Enter');
    expect(await page.locator('#head-symbol').innerText()).toBe('NFLX');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.keyboard.press('j');
    expect(await page.locator('#head-symbol').innerText()).not.toBe('NFLX');
    await page.keyboard.press('k');
    expect(await page.locator('#head-symbol').innerText()).toBe('NFLX');
    await page.keyboard.press('4');
    await page.locator('#intervals button[aria-pressed=true]', { hasText: '5m' }).waitFor();
    await page.keyboard.press('3');
    await page.keyboard.press('c');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('chart');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('-');
    await page.keyboard.press('?');
    await page.locator('#help[open]').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('#help[open]').waitFor({ state: 'detached' });
    await page.keyboard.press('s');
    expect(await page.locator('#live').textContent()).toMatch(/^NFLX .*today\./);
  });

  it('reaches everything with Tab', async () => {
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.locator('.skip').focus();
    const reached = new Set<string>();
    for (let i = 0; i < 40; i++) {
      reached.add(await page.evaluate(() => document.activeElement?.id || 'other'));
      await page.keyboard.press('Tab');
    }
    const wanted = ['pill', 'theme', 'help-open', 'search', 'rows', 'csv', 'chart', 'tape', 'pace'];
    for (const id of wanted) expect([...reached]).toContain(id);
    await page.locator('#pill').focus();
    await page.keyboard.press('Enter');
    await page.locator('#connection').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('#connection').waitFor({ state: 'hidden' });
  });

  it('has no serious finding of axe, in either theme', async () => {
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('t');
    await page.locator('html[data-theme=light]').waitFor();
    expect(await serious(page)).toEqual([]);
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(background).toBe('rgb(243, 244, 247)');
    await shoot(page, 'market-theme-switched');
    await page.keyboard.press('t');
    await page.keyboard.press('t');
    await page.locator('html[data-theme=auto]').waitFor();
  });

  it('is light where that is preferred', async () => {
    const light = await open(browser, server.url, { colorScheme: 'light' });
    await alive(light.page);
    await shoot(light.page, 'market-desktop-light');
    await light.close();
  });

  it('does not flash where motion is not wanted', async () => {
    const still = await open(browser, server.url, { reducedMotion: 'reduce' });
    await alive(still.page);
    const moving = await still.page.evaluate(() => document.getAnimations().length);
    expect(moving).toBe(0);
    await still.close();
  });

  it.each(['dark', 'light'] as const)('fits a phone of 360 px, %s', async (colorScheme) => {
    const phone = await open(browser, server.url, {
      ...{ viewport: { width: 360, height: 740 }, colorScheme, hasTouch: true, isMobile: true },
    });
    await alive(phone.page);
    const wide = await phone.page.evaluate(() =>
      [...document.querySelectorAll('body, main, .panel, .head, #rows, .top')]
        .filter((part) => part.scrollWidth > 360 || part.getBoundingClientRect().right > 360.5)
        .map((part) => part.className),
    );
    expect(wide).toEqual([]);
    await shoot(phone.page, `market-360-${colorScheme}`);
    await phone.page.locator('.tab[data-panel=tape]').tap();
    await phone.page.locator('.trade:not([hidden])').first().waitFor();
    expect(await serious(phone.page)).toEqual([]);
    await phone.close();
  });

  it('cuts nothing off between a phone and a desktop', async () => {
    const { page, close } = await open(browser, server.url);
    await alive(page);
    for (const width of [721, 800, 900, 1010, 1020, 1180, 1190, 1261, 1361]) {
      await page.setViewportSize({ width, height: 700 });
      expect(await page.evaluate(cutOff), `at ${width} px`).toEqual([]);
    }
    await close();
  });

  it('shows one price of the chosen symbol, in its row and over the chart', async () => {
    const { page, close } = await open(browser, server.url);
    await alive(page);
    const differ = await page.evaluate(async () => {
      const text = (selector: string): string => document.querySelector(selector)!.textContent!;
      const seen: string[] = [];
      for (let frame = 0; frame < 120; frame++) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const [row, head] = [text('.row[aria-selected=true] .last'), text('#head-last')];
        if (row !== head) seen.push(`${row} ${head}`);
      }
      return seen;
    });
    expect(differ).toEqual([]);
    await close();
  });

  it('shows no other symbol than its address names', async () => {
    const { page, close } = await open(browser, `${server.url}?symbol=NOPE&interval=5m`);
    await alive(page);
    expect(new URL(page.url()).search).toBe('?interval=5m');
    await close();
  });

  it('shifts nothing while prices move', async () => {
    const calm = await open(browser, 'about:blank');
    await calm.page.addInitScript(() => {
      new PerformanceObserver((list) => {
        type Shift = PerformanceEntry & { value: number; sources: { node: Node | null }[] };
        for (const { value, sources } of list.getEntries() as Shift[]) {
          // A tape moves; that is what it is for.
          if (sources.some(({ node }) => node?.parentElement?.closest('#tape'))) continue;
          const so = globalThis as { shift?: number };
          so.shift = (so.shift ?? 0) + value;
        }
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await calm.page.goto(server.url);
    await alive(calm.page);
    const shift = await calm.page.evaluate(() => (globalThis as { shift?: number }).shift ?? 0);
    expect(shift).toBeLessThan(0.02);
    await calm.close();
  });

  it('carries the licences of what it is made of', async () => {
    const text = await (await fetch(`${server.url}licences.txt`)).text();
    for (const name of ['lightweight-charts', 'fancy-canvas', '@fontsource-variable/inter']) {
      expect(text).toContain(name);
    }
    expect(text).toContain('TradingView Lightweight Charts\nCopyright');
    expect(await page.locator('a[href="/licences.txt"]').count()).toBe(1);
    expect(await page.locator('#tv-attr-logo').isVisible()).toBe(true);
  });

  it('asks nobody else for anything', async () => {
    const others: string[] = [];
    const context = await browser.newContext();
    const alone = await context.newPage();
    context.on('request', (request) => {
      if (!request.url().startsWith(server.url)) others.push(request.url());
    });
    await alone.goto(server.url);
    await alive(alone);
    expect(others.filter((url) => !/^(blob|data|ws):/.test(url))).toEqual([]);
    await context.close();
  });

  it('has missed nothing and had nothing to complain about', async () => {
    expect(await page.locator('.gaps').getAttribute('title')).toContain('Holes');
    expect(await page.locator('#fact-gaps').innerText()).toBe('0');
    expect(opened.complaints).toEqual([]);
  });
});

/** In the page: what of head and foot is drawn beyond the edge of what holds it. */
function cutOff(): string[] {
  const parts = document.querySelectorAll<HTMLElement>(
    '.head span, .head dd, .facts dd, .facts output, .facts a',
  );
  return [...parts].flatMap((part) => {
    const { right, width } = part.getBoundingClientRect();
    const holder = part.closest('.head, .facts')!.getBoundingClientRect();
    return width > 0 && right > holder.right ? [part.id || part.textContent] : [];
  });
}
