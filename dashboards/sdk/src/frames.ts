/**
 * Decodes a binary frame into the same messages as the text one: control messages are maps already, data messages are
 * arrays whose symbol is an id. `SymbolTable` holds what `subscribed` and `symbols` said about the ids, for one connection.
 */
import { DecodeError } from './errors.ts';
import type { Message, SymbolTuple } from './messages.ts';
import { readMsgpack, type Value } from './msgpack.ts';

/** Added to the type number of a snapshot. */
const SNAPSHOT = 16;
/** Type number → the message's letter and, in order after the id, the names of its fields. */
const LAYOUT: Record<number, { T: string; fields: readonly string[] }> = {
  1: { T: 't', fields: ['n', 'o', 'ts', 'p', 'v', 'd'] },
  2: { T: 'q', fields: ['n', 'o', 'ts', 'b', 'B', 'a', 'A'] },
  3: { T: 'm', fields: ['n0', 'n', 'o', 'ts0', 'ts', 'O', 'H', 'L', 'p', 'v', 'c'] },
  4: { T: 'b', fields: ['i', 'ts', 'O', 'H', 'L', 'C', 'v', 'c', 'x'] },
  5: { T: 's', fields: ['n', 'o', 'ts', 'st'] },
  6: { T: 'q', fields: ['n0', 'n', 'o', 'ts', 'b', 'B', 'a', 'A'] },
};
const INTERVALS = new Map(
  Object.entries({
    '1s': 1,
    '5s': 5,
    '1m': 60,
    '5m': 300,
    '15m': 900,
    '1h': 3600,
    '1d': 86400,
  }).map(([name, seconds]) => [seconds, name]),
);

/** Names and places by the ids of one connection. */
export class SymbolTable {
  private readonly rows = new Map<number, { name: string; places: number }>();

  add(table: SymbolTuple[]): void {
    for (const [id, name, places] of table) this.rows.set(id, { name, places });
  }

  get(id: number): { name: string; places: number } | undefined {
    return this.rows.get(id);
  }
}

/** The messages of one binary frame; tables that it brings are added to `table` on the way. */
export function decodeMsgpack(bytes: Uint8Array, table: SymbolTable): Message[] {
  const frame = readMsgpack(bytes);
  if (!Array.isArray(frame)) throw new DecodeError('a frame is an array of messages');
  return frame.map((item) => (Array.isArray(item) ? data(item, table) : control(item, table)));
}

function control(item: Value, table: SymbolTable): Message {
  if (item === null || typeof item !== 'object' || !('T' in item)) {
    throw new DecodeError('a message is a map with T, or an array');
  }
  if ('table' in item && Array.isArray(item['table'])) table.add(item['table'] as SymbolTuple[]);
  return item as unknown as Message;
}

function data(item: Value[], table: SymbolTable): Message {
  const number = item[0] as number;
  const snap = number >= SNAPSHOT;
  const layout = LAYOUT[snap ? number - SNAPSHOT : number];
  if (!layout || item.length !== layout.fields.length + 2) {
    throw new DecodeError(`no message of type ${number} with ${item.length} elements`);
  }
  const symbol = table.get(item[1] as number);
  if (!symbol) throw new DecodeError(`symbol ${item[1]} was not announced`);
  const message: Record<string, Value> = { T: layout.T, S: symbol.name };
  layout.fields.forEach((name, i) => (message[name] = item[i + 2]!));
  if (layout.T === 'b') message['i'] = INTERVALS.get(item[2] as number) ?? `${item[2]}s`;
  if (layout.T !== 's') message['places'] = symbol.places;
  if (snap) message['snap'] = 1;
  return message as unknown as Message;
}
