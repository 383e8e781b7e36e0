/** SSE and NDJSON: golden frames must come out whole, wherever the network cuts the bytes. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeJson } from '../src/index.ts';
import { NdjsonFrames, SseFrames, type Chunk } from '../src/http/lines.ts';

const folder = fileURLToPath(new URL('../../../feed-server/protocol/golden/', import.meta.url));
const frames = readdirSync(folder)
  .filter((file) => file.endsWith('.json') && file !== 'symbols.table.json')
  .map((file) => readFileSync(`${folder}${file}`, 'utf8').trim());

type Reader = { push(piece: string): Chunk[] };

function read(reader: Reader, bytes: Uint8Array, cuts: number[]): Chunk[] {
  const text = new TextDecoder();
  const chunks: Chunk[] = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    chunks.push(...reader.push(text.decode(bytes.subarray(from, to), { stream: true })));
    from = to;
  }
  return chunks;
}

const wires: [string, () => Reader, string][] = [
  ['NDJSON', () => new NdjsonFrames(), frames.map((frame) => `${frame}\n`).join('')],
  [
    'SSE',
    () => new SseFrames(),
    frames.map((frame, i) => `: alive\nid: e:${i}\ndata: ${frame}\n\n`).join(''),
  ],
  [
    'SSE with CR LF',
    () => new SseFrames(),
    frames.map((frame) => `data:${frame}\r\n\r\n`).join(''),
  ],
  [
    'SSE with CR',
    () => new SseFrames(),
    `${frames.map((frame) => `data:${frame}\r\r`).join('')}:\r:\r`,
  ],
];

describe.each(wires)('%s', (name, reader, wire) => {
  const bytes = new TextEncoder().encode(wire);

  it('gives the golden frames, whole, wherever it is cut in two', () => {
    for (let cut = 0; cut <= bytes.length; cut += 1 + (cut % 7)) {
      const chunks = read(reader(), bytes, [cut]).filter((chunk) => chunk.data !== undefined);
      expect(chunks.map((chunk) => chunk.data)).toEqual(frames);
      if (name === 'SSE')
        expect(chunks.map((chunk) => chunk.id)).toEqual(frames.map((_, i) => `e:${i}`));
    }
  });

  it('gives them byte by byte', () => {
    const cuts = Array.from({ length: bytes.length }, (_, i) => i);
    const chunks = read(reader(), bytes, cuts).filter((chunk) => chunk.data !== undefined);
    expect(chunks.flatMap(({ data }) => decodeJson(data!))).toEqual(frames.flatMap(decodeJson));
  });

  it('gives nothing of what was not ended', () => {
    const started = new TextEncoder().encode(name.startsWith('SSE') ? 'data: [1]\n' : '[1]');
    expect(read(reader(), started, [])).toEqual([]);
  });
});

it('joins the lines of one event, and ignores fields it does not know', () => {
  const sse = new SseFrames();
  expect(sse.push('event: x\nretry: 5\ndata: [1,\ndata:2]\nid:e:9\n\ndata\n\n')).toEqual([
    { data: '[1,\n2]', id: 'e:9' },
    { data: '' },
  ]);
});
