/**
 * `@tickcast/client`: what other programs may use, and nothing else. The wire contract is `PROTOCOL.md`; names of message
 * fields are the wire's own. Has no
 * dependencies. What not every page needs is loaded when it is: MessagePack, the HTTP transports, bars of the past.
 */
export { FeedClient } from './client.ts';
export type {
  FeedClientEvents,
  FeedClientOptions,
  LinkStatus,
  TransportChange,
} from './options.ts';
export { type SocketConstructor, type SocketLike } from './link.ts';
export type { ConnectionState, Format } from './transport.ts';
export type { TransportName } from './ladder.ts';
export type {
  Outcome,
  SubscribeRequest,
  Subscription,
  SubscriptionEvents,
} from './subscription.ts';
export type { FeedItem, FeedIterator, InboxOptions } from './inbox.ts';
export type { FeedStats } from './stats.ts';
export type { BarsRequest } from './http/rest.ts';
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
export { formatPrice } from './price.ts';
export { DecodeError, FeedError, type FeedErrorCode, type FeedErrorDetails } from './errors.ts';
export { decodeJson } from './json.ts';
export type { LostRange } from './sequence.ts';
export type { OffsetEstimate } from './clock.ts';
export { reconnectOnWake } from './wake.ts';
