/**
 * Packs a screenshot for the repository: at most 256 colours, the commonest ones, every other pixel taking the nearest of
 * them. Text and flat surfaces lose nothing that can be seen, and the file shrinks to a third.
 * Format: https://www.w3.org/TR/png-3/
 */
import { crc32, deflateSync } from 'node:zlib';
import type { Browser } from 'playwright-core';

const COLOURS = 256;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The same picture with a palette; the browser decodes it. */
export async function pack(browser: Browser, png: Buffer): Promise<Buffer> {
  const { width, height, pixels } = await decode(browser, png);
  const palette = commonest(pixels);
  const near = nearest(palette);
  const lines = Buffer.alloc(height * (width + 1)); // each line begins with its filter: 0, none
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      lines[y * (width + 1) + 1 + x] = near(pixels[y * width + x]!);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8); // 8 bits, palette, deflate, adaptive filters, not interlaced
  const colours = Buffer.from(palette.flatMap(channels));
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', head),
    chunk('PLTE', colours),
    chunk('IDAT', deflateSync(lines, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Pixels as 0xRRGGBB. */
async function decode(browser: Browser, png: Buffer) {
  const page = await browser.newPage();
  const { width, height, text } = await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const { width, height } = image;
    const context = new OffscreenCanvas(width, height).getContext('2d')!;
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    let text = '';
    for (let at = 0; at < data.length; at += 4096) {
      text += String.fromCharCode(...data.subarray(at, at + 4096));
    }
    return { width, height, text: btoa(text) };
  }, png.toString('base64'));
  await page.close();
  const rgba = Buffer.from(text, 'base64');
  const pixels = Uint32Array.from({ length: width * height }, (_, i) => rgba.readUIntBE(i * 4, 3));
  return { width, height, pixels };
}

function commonest(pixels: Uint32Array): number[] {
  const uses = new Map<number, number>();
  for (const colour of pixels) uses.set(colour, (uses.get(colour) ?? 0) + 1);
  const sorted = [...uses].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return sorted.slice(0, COLOURS).map(([colour]) => colour);
}

function nearest(palette: number[]): (colour: number) => number {
  const known = new Map(palette.map((colour, index) => [colour, index]));
  const distance = (a: number, b: number): number => {
    const [one, other] = [channels(a), channels(b)];
    return one.reduce((sum, value, i) => sum + (value - other[i]!) ** 2, 0);
  };
  return (colour) => {
    let index = known.get(colour);
    if (index === undefined) {
      const distances = palette.map((candidate) => distance(colour, candidate));
      index = distances.indexOf(Math.min(...distances));
      known.set(colour, index);
    }
    return index;
  };
}

function channels(colour: number): [number, number, number] {
  return [colour >> 16, (colour >> 8) & 255, colour & 255];
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'ascii'), body]);
  const framed = Buffer.alloc(named.length + 8);
  framed.writeUInt32BE(body.length, 0);
  named.copy(framed, 4);
  framed.writeUInt32BE(crc32(named), named.length + 4);
  return framed;
}
