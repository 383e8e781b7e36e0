/**
 * A report in a real browser, written by the real program from a made-up run: charts are drawn, nothing is fetched, and it
 * holds on a phone, in the dark and on paper. Leaves screenshots in `test-results/`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch } from '../../app/browser/server.ts';

const shots = fileURLToPath(new URL('../test-results/', import.meta.url));
const root = fileURLToPath(new URL('../../../', import.meta.url));
const programs = process.env['FEED_SERVER']
  ? dirname(process.env['FEED_SERVER'])
  : `${process.env['CARGO_TARGET_DIR'] ?? `${root}target`}/debug`;
const report = `${shots}report.html`;
const run = `${shots}run.json`;

let browser: Browser;
const complaints: string[] = [];

async function open(width: number, colorScheme: 'dark' | 'light'): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('request', (request) => {
    if (!/^(file|blob):/.test(request.url())) complaints.push(request.url());
  });
  await page.goto(`file://${report}`);
  await page.locator('#time canvas').waitFor();
  return page;
}

/** How many colours a chart has that are no shade of grey. */
function colours(page: Page, figure: string): Promise<number> {
  return page.locator(`#${figure} canvas`).evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const context = canvas.getContext('2d')!;
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const found = new Set<number>();
    for (let at = 0; at < data.length; at += 4) {
      const [red, green, blue] = [data[at]!, data[at + 1]!, data[at + 2]!];
      const grey = Math.max(red, green, blue) - Math.min(red, green, blue) < 40;
      if (data[at + 3] === 255 && !grey) found.add((red << 16) | (green << 8) | blue);
    }
    return found.size;
  });
}

async function pointAt(page: Page, figure: string): Promise<void> {
  const plot = page.locator(`#${figure} .u-over`);
  await plot.scrollIntoViewIfNeeded();
  const box = (await plot.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.4, box.y + 80);
  await page.locator(`#${figure} .hover`).waitFor();
}

beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  writeFileSync(run, execFileSync(`${programs}/examples/sample_run`, { maxBuffer: 1 << 26 }));
  execFileSync(`${programs}/load-tester`, ['report', run, '--html', report]);
  browser = await launch();
});
afterAll(() => browser?.close());

describe('report', () => {
  it('draws every chart, in colours', async () => {
    const page = await open(1280, 'light');
    for (const figure of ['latency', 'staleness', 'time']) {
      expect(await colours(page, figure), figure).toBeGreaterThan(5);
    }
    await page.screenshot({ path: `${shots}light.png`, fullPage: true });
    await page.context().close();
  });

  it('shows the values where the pointer is, the greatest first', async () => {
    const page = await open(1280, 'light');
    await pointAt(page, 'latency');
    const hover = page.locator('#latency .hover');
    expect(await hover.locator('strong').innerText()).toMatch(/^p99(\.\d+)?$/);
    expect(await hover.locator('span').first().innerText()).toBe('poll:1s');
    expect(await hover.locator('span').nth(1).innerText()).toMatch(/^9\d\d ms$/);
    await page.context().close();
  });

  it('takes a lane out of the charts when its name is pressed', async () => {
    const page = await open(1280, 'light');
    const button = page.locator('button[data-lane="poll:1s"]');
    await button.click();
    expect(await button.getAttribute('aria-pressed')).toBe('false');
    await pointAt(page, 'latency');
    expect(await page.locator('#latency .hover').innerText()).not.toContain('poll:1s');
    await page.context().close();
  });

  it('hands out its data', async () => {
    const page = await open(1280, 'light');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('button[data-download]').click(),
    ]);
    const latencies = (path: string): string[] => {
      const { lanes } = JSON.parse(readFileSync(path, 'utf8'));
      return lanes.map((lane: { latency: { hdr: string } }) => lane.latency.hdr);
    };
    expect(latencies(await download.path())).toEqual(latencies(run));
    await page.context().close();
  });

  it('is dark where that is preferred, and light on paper all the same', async () => {
    const page = await open(1280, 'dark');
    const style = (name: string): Promise<string> =>
      page.evaluate((of) => getComputedStyle(document.documentElement).getPropertyValue(of), name);
    const dark = [await style('--bg'), await style('--c0')];
    expect(dark[0]).toBe('#0e1013');
    await page.screenshot({ path: `${shots}dark.png`, fullPage: true });
    await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
    expect(await style('--c0')).not.toBe(dark[1]);
    await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
    expect([await style('--bg'), await style('--c0')]).toEqual(dark);
    await page.pdf({ path: `${shots}report.pdf`, format: 'A4', printBackground: true });
    await page.context().close();
  });

  it('fits a phone of 360 px without sideways scroll', async () => {
    const page = await open(360, 'light');
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(360);
    await page.screenshot({ path: `${shots}phone-360.png`, fullPage: true });
    await page.context().close();
  });

  it('asks for nothing and complains of nothing', () => {
    expect(complaints).toEqual([]);
  });
});
