/**
 * Writes requests as MessagePack maps, for connections that chose that format. Small objects, seldom: simple before fast.
 * Keys whose value is `undefined` are left out, as in JSON.
 */
const text = new TextEncoder();

/** `value` as MessagePack; integers, strings, booleans, arrays and plain objects. */
export function writeMsgpack(value: unknown): Uint8Array<ArrayBuffer> {
  const out: number[] = [];
  write(out, value);
  return new Uint8Array(out);
}

function write(out: number[], value: unknown): void {
  if (value === null) out.push(0xc0);
  else if (typeof value === 'boolean') out.push(value ? 0xc3 : 0xc2);
  else if (typeof value === 'number') number(out, value);
  else if (typeof value === 'string') string(out, value);
  else if (Array.isArray(value)) {
    length(out, value.length, 0x90, 0xdc);
    for (const item of value) write(out, item);
  } else if (typeof value === 'object') {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    length(out, entries.length, 0x80, 0xde);
    for (const [key, item] of entries) {
      string(out, key);
      write(out, item);
    }
  } else throw new TypeError(`cannot be written: ${typeof value}`);
}

function number(out: number[], value: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= 0x7f) return void out.push(value);
  const bytes = new DataView(new ArrayBuffer(8));
  if (Number.isSafeInteger(value)) {
    bytes.setBigInt64(0, BigInt(value));
    out.push(0xd3);
  } else {
    bytes.setFloat64(0, value);
    out.push(0xcb);
  }
  out.push(...new Uint8Array(bytes.buffer));
}

function string(out: number[], value: string): void {
  const bytes = text.encode(value);
  if (bytes.length < 32) out.push(0xa0 | bytes.length);
  else if (bytes.length < 0x100) out.push(0xd9, bytes.length);
  else out.push(0xda, bytes.length >> 8, bytes.length & 0xff);
  if (bytes.length > 0xffff) throw new RangeError('string too long for a request');
  for (const byte of bytes) out.push(byte);
}

function length(out: number[], count: number, fix: number, wide: number): void {
  if (count < 16) out.push(fix | count);
  else if (count <= 0xffff) out.push(wide, count >> 8, count & 0xff);
  else throw new RangeError('too many items for a request');
}
