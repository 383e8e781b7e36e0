/**
 * `@tickcast/client`: what other programs may use, and nothing else. The wire contract is `PROTOCOL.md`; names of message
 * fields are the wire's own. Has no dependencies and touches no DOM except in `reconnectOnWake`.
 */
export { FeedClient, type FeedClientEvents, type FeedClientOptions } from './client.ts';
export { type ConnectionState, type LinkStatus, type SocketLike } from './link.ts';
export { Subscription, type SubscribeRequest } from './subscription.ts';
export type {
  Bar,
  Bye,
  Channel,
  Data,
  Gap,
  Heartbeat,
  Merged,
  Message,
  Quote,
  Status,
  Subscribed,
  ServerError,
  SymbolRow,
  Trade,
  Welcome,
} from './messages.ts';
export { channelOf } from './messages.ts';
export { formatPrice, parsePrice, rescale } from './price.ts';
export { DecodeError, decodeJson } from './json.ts';
export { decodeMsgpack, SymbolTable } from './frames.ts';
export { SequenceCheck, type LostRange } from './sequence.ts';
export { Backoff, comeBack, type ComeBack } from './backoff.ts';
export { ClockOffset, type OffsetEstimate } from './clock.ts';
export { reconnectOnWake } from './wake.ts';
