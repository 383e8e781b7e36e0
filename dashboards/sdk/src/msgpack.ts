/**
 * MessagePack, as much of it as the contract uses: nil, booleans, integers of any width, floats, strings, binary, arrays,
 * maps. Reads from bytes, writes requests. Integers beyond 2^53 are refused instead of being rounded; nothing here knows
 * what a message means.
 */
import { DecodeError } from './errors.ts';

export type Value =
  null | boolean | number | string | Uint8Array | Value[] | { [key: string]: Value };

const MAX_DEPTH = 16;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** One value that fills `bytes` exactly. */
export function readMsgpack(bytes: Uint8Array): Value {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (!reader.atEnd) throw new DecodeError('bytes after the frame');
  return value;
}

class Reader {
  private readonly view: DataView;
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length;
  }

  value(depth: number): Value {
    if (depth > MAX_DEPTH) throw new DecodeError('nested too deeply');
    const head = this.uint(1);
    if (head <= 0x7f) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head <= 0x8f) return this.map(head & 0x0f, depth);
    if (head <= 0x9f) return this.array(head & 0x0f, depth);
    if (head <= 0xbf) return this.string(head & 0x1f);
    return this.tagged(head, depth);
  }

  private tagged(head: number, depth: number): Value {
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.take(this.uint(1 << (head - 0xc4)));
      case 0xca:
        return this.view.getFloat32(this.skip(4));
      case 0xcb:
        return this.view.getFloat64(this.skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.uint(1 << (head - 0xcc));
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return this.int(1 << (head - 0xd0));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.string(this.uint(1 << (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.array(this.uint(2 << (head - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.map(this.uint(2 << (head - 0xde)), depth);
      default:
        throw new DecodeError(`no MessagePack type of this contract: 0x${head.toString(16)}`);
    }
  }

  private uint(width: number): number {
    const at = this.skip(width);
    if (width === 1) return this.view.getUint8(at);
    if (width === 2) return this.view.getUint16(at);
    if (width === 4) return this.view.getUint32(at);
    return exact(this.view.getUint32(at) * 2 ** 32 + this.view.getUint32(at + 4));
  }

  private int(width: number): number {
    const at = this.skip(width);
    if (width === 1) return this.view.getInt8(at);
    if (width === 2) return this.view.getInt16(at);
    if (width === 4) return this.view.getInt32(at);
    return exact(this.view.getInt32(at) * 2 ** 32 + this.view.getUint32(at + 4));
  }

  private string(length: number): string {
    const bytes = this.take(length);
    if (length > 24) return decodeText(bytes);
    let text = '';
    for (const byte of bytes) {
      if (byte > 0x7f) return decodeText(bytes);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  private array(length: number, depth: number): Value[] {
    // Each element takes a byte at least: a length that lies is found before memory is spent on it.
    if (length > this.bytes.length - this.at) throw new DecodeError('frame ends early');
    const items = new Array<Value>(length);
    for (let i = 0; i < length; i++) items[i] = this.value(depth + 1);
    return items;
  }

  private map(length: number, depth: number): Value {
    const entries: [string, Value][] = [];
    for (let i = 0; i < length; i++) {
      const key = this.value(depth + 1);
      if (typeof key !== 'string') throw new DecodeError('a key is a string');
      entries.push([key, this.value(depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  private take(length: number): Uint8Array {
    const start = this.skip(length);
    return this.bytes.subarray(start, start + length);
  }

  private skip(length: number): number {
    const start = this.at;
    if (length > this.bytes.length - start) throw new DecodeError('frame ends early');
    this.at += length;
    return start;
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new DecodeError('text that is not UTF-8');
  }
}

function exact(value: number): number {
  if (!Number.isSafeInteger(value)) throw new DecodeError(`integer beyond 2^53: ${value}`);
  return value;
}
