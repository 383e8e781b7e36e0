/**
 * The wire's golden files, which the server's tests write and read too: both formats of each frame must decode to the same
 * messages, and prices must print with the very digits of the JSON text.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeJson, formatPrice } from '../src/index.ts';
import { decodeMsgpack, SymbolTable } from '../src/msgpack_entry.ts';
import type { SymbolTuple } from '../src/messages.ts';

const folder = fileURLToPath(new URL('../../../feed-server/protocol/golden/', import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.msgpack'))
  .map((file) => file.slice(0, -'.msgpack'.length));

/** `subscribed.table` exists in MessagePack only. */
function withoutTable(message: object): object {
  const { table: _, ...rest } = message as { table?: unknown };
  return rest;
}

describe('golden frames', () => {
  it('are there', () => {
    expect(names.length).toBeGreaterThan(20);
  });

  it.each(names)('%s: MessagePack decodes to what JSON decodes to', (name) => {
    const table = new SymbolTable();
    const rows = readFileSync(`${folder}symbols.table.json`, 'utf8');
    table.add(JSON.parse(rows) as SymbolTuple[]);
    const json = decodeJson(readFileSync(`${folder}${name}.json`, 'utf8'));
    const msgpack = decodeMsgpack(readFileSync(`${folder}${name}.msgpack`), table);
    const bare = name === 'symbols' ? (x: object): object => x : withoutTable;
    expect(msgpack.map(bare)).toEqual(json.map(bare));
  });

  it.each(names)('%s: prices keep every digit of the text', (name) => {
    const text = readFileSync(`${folder}${name}.json`, 'utf8');
    const written = [...text.matchAll(/"[pbaOHLC]":(-?[\d.]+)/g)].map((match) => match[1]);
    const printed = decodeJson(text).flatMap((message) => {
      if (!('places' in message)) return [];
      const keys = { t: 'p', q: 'ba', m: 'OHLp', b: 'OHLC' }[message.T];
      const values = message as unknown as Record<string, number>;
      return [...keys].map((key) => formatPrice(values[key]!, message.places));
    });
    expect(printed).toEqual(written);
  });
});
