/**
 * Decodes a text frame. A price in JSON is a number printed with exactly its places; `JSON.parse` alone would turn
 * `187.20` into the binary fraction 187.2 and lose both exactness and places. So prices become integers in the text first,
 * with `places` beside them. Keeps no state.
 */
import type { Message } from './messages.ts';

/** A frame that does not follow the contract. */
export class DecodeError extends Error {
  override name = 'DecodeError';
}

/**
 * A key of a price, and its value. Inside a JSON string a quote is always escaped (`\"`), so a bare `"p":` is always a key.
 */
const PRICE = /"([pbaOHLC])":(-?\d+)(?:\.(\d+))?(?=[,}])/g;

function asInteger(_: string, key: string, whole: string, fraction = ''): string {
  const units = Number(whole + fraction);
  if (!Number.isSafeInteger(units)) throw new DecodeError(`price with too many digits: ${whole}`);
  return `"${key}":${units},"places":${fraction.length}`;
}

/** The messages of one text frame. */
export function decodeJson(text: string): Message[] {
  let frame: unknown;
  try {
    frame = JSON.parse(text.replace(PRICE, asInteger));
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    throw new DecodeError(`not JSON: ${text.slice(0, 80)}`);
  }
  if (!Array.isArray(frame)) throw new DecodeError('a frame is an array of messages');
  return frame as Message[];
}
