/**
 * One poll or long poll, its answer checked, and pausing between two of them.
 */
import { DecodeError, FeedError } from '../errors.ts';
import { parseExact } from '../json.ts';
import type { Message } from '../messages.ts';
import { parseCursor } from '../subscription.ts';
import type { HttpLink } from './link.ts';
import { getText, type Params } from './request.ts';

export interface PollBody {
  cursor: string;
  recovered?: boolean;
  messages: Message[];
  more: boolean;
}

/** Messages of one poll. */
const LIMIT = 5000;
/** A server that was asked too early, or answers long polls at once, is asked again after this time. */
export const AGAIN_MS = 50;

/** What the server answers; one that has started again ends the link. */
export async function poll(
  link: HttpLink,
  params: Params,
  signal: AbortSignal,
  wait_ms: number,
): Promise<PollBody> {
  const [path, wait] =
    link.transport === 'longpoll' ? (['long-poll', { wait_ms }] as const) : (['poll', {}] as const);
  const all = { ...params, ...wait, limit: LIMIT };
  const text = await getText(link.options, path, all, signal, wait_ms);
  link.bytes += text.length;
  const body = parseExact(text) as PollBody;
  if (!Array.isArray(body?.messages)) throw new DecodeError('a poll has `messages` and a `cursor`');
  if (!link.enter(parseCursor(body.cursor)[0])) throw new FeedError('closed', 'another epoch');
  return body;
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, ms));
    signal.addEventListener('abort', end);
  });
}
