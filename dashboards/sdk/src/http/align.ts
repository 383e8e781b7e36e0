/**
 * Brings the members of a lane to one cursor, each from where it is: a snapshot for a new one, what it has missed for one that
 * was there. Asks; changes nothing of the lane.
 */
import { FeedError } from '../errors.ts';
import type { Message, Subscribed } from '../messages.ts';
import { parseCursor } from '../subscription.ts';
import type { Lane } from './lane.ts';
import type { Member } from './member.ts';
import { AGAIN_MS, pause } from './poll.ts';

/** Polls that may be needed until all members are at one cursor. */
const ALIGN_MAX = 100;

/** What members were introduced with. */
export interface Pending {
  members: Member[];
  messages: Message[];
  offset: number;
}

/** Brings every member to one cursor. */
export async function align(lane: Lane, members: Member[], signal: AbortSignal): Promise<Pending> {
  const messages: Message[] = [];
  const offsets = members.length < lane.members.size ? [lane.offset!] : [];
  for (const member of members) offsets.push(await introduce(lane, member, messages, signal));
  let offset = Math.min(...offsets);
  const most = Math.max(...offsets);
  for (let round = 0; offset < most; round++) {
    if (round === ALIGN_MAX) throw new FeedError('silent', `no poll gets as far as ${most}`);
    if (round > 0) await pause(AGAIN_MS, signal);
    const since = `${lane.link.epoch}:${offset}`;
    const body = await lane.ask({ ...lane.params(), mode: 'every', since }, signal);
    messages.push(...body.messages);
    offset = parseCursor(body.cursor)[1];
  }
  return { members, messages, offset };
}

/** A member's snapshot, or what it has missed, and the offset up to which that goes. */
async function introduce(
  lane: Lane,
  member: Member,
  messages: Message[],
  signal: AbortSignal,
): Promise<number> {
  const { snapshot } = member.request;
  let { since } = member;
  for (let first = true; ; first = false) {
    const params = { ...lane.params(member), since, snapshot };
    const body = await lane.refusable(member, signal, () => lane.ask(params, signal));
    if (first) {
      const cursor = body.recovered ? since! : body.cursor;
      messages.push(subscribed(member, cursor, member.inherited ? undefined : body.recovered));
    }
    messages.push(...body.messages);
    since = body.cursor;
    if (body.more) continue;
    const [, offset] = parseCursor(since);
    // Before the snapshot, or it would stand behind a hole.
    if (member.held) messages.unshift(...(await rest(lane, member.held, offset, signal)));
    return offset;
  }
}

/** Every event of what an older subscription had, from where it was up to `offset` at least. */
async function rest(
  lane: Lane,
  held: NonNullable<Member['held']>,
  offset: number,
  signal: AbortSignal,
): Promise<Message[]> {
  const messages: Message[] = [];
  let { since } = held;
  for (let round = 0; round < ALIGN_MAX; round++) {
    const params = { symbols: held.symbols.join(), channels: held.channels.join(), since };
    const body = await lane.ask(params, signal);
    messages.push(...body.messages);
    since = body.cursor;
    if (!body.more && parseCursor(since)[1] >= offset) return messages;
    if (!body.more) await pause(AGAIN_MS, signal);
  }
  throw new FeedError('silent', `no poll gets as far as ${offset}`);
}

/** A member's answer, as a WebSocket would say it. */
export function subscribed(
  member: Member,
  cursor: string,
  recovered: boolean | undefined,
): Subscribed {
  const { id, channels, mode = 'every' } = member.request;
  const answer: Subscribed = {
    T: 'subscribed',
    id,
    symbols: [...member.symbols],
    channels,
    mode,
    cursor,
  };
  if (recovered !== undefined) answer.recovered = recovered;
  return answer;
}
