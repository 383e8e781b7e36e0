/**
 * Decodes a text frame. A price in JSON is a number printed with exactly its places; `JSON.parse` alone would turn
 * `187.20` into the binary fraction 187.2 and lose both exactness and places. So prices become integers in the text first,
 * with `places` beside them. Keeps no state.
 */
import { DecodeError } from './errors.ts';
import type { Message } from './messages.ts';

/**
 * A key of a price, and its value. Inside a JSON string a quote is always escaped (`\"`), so a bare `"p":` is always a key.
 */
const PRICE = /"([pbaOHLC])":(-?\d+)(?:\.(\d+))?(?=[,}])/g;

function asInteger(_: string, key: string, whole: string, fraction = ''): string {
  const units = Number(whole + fraction);
  if (!Number.isSafeInteger(units)) throw new DecodeError(`too many digits: ${whole}`);
  return `"${key}":${units},"places":${fraction.length}`;
}

/** As `JSON.parse`, but with prices as integers and their places beside them. */
export function parseExact(text: string): unknown {
  const exact = text.replace(PRICE, asInteger);
  try {
    return JSON.parse(exact);
  } catch {
    throw new DecodeError(`not JSON: ${text.slice(0, 80)}`);
  }
}

/** The messages of one text frame. */
export function decodeJson(text: string): Message[] {
  const frame = parseExact(text);
  if (!Array.isArray(frame)) throw new DecodeError('a frame is an array of messages');
  return frame as Message[];
}
