/**
 * What can go wrong, as one class with a `code` to switch on. A refusal of one subscription is a `ServerError` message
 * instead, because the connection stays. Texts say what was wrong and what to do.
 */
export type FeedErrorCode =
  /** A frame that does not follow the contract. */
  | 'decode'
  /** An HTTP answer of 400 or more; `status` and, from the server's table, `problem` say which. */
  | 'refused'
  /** The server sent us away for good (`closeCode` 4000 to 4099). */
  | 'closed'
  /** Nothing answers at that address. */
  | 'unreachable'
  /** Connected, but no byte came in time: a proxy that buffers, a stalled server, a dead line. */
  | 'silent'
  /** This runtime lacks what the transport needs. */
  | 'unsupported'
  /** The server refused a subscription; `problem` is its code. */
  | 'subscription';

export interface FeedErrorDetails {
  status?: number;
  /** The server's error code, such as `unknown_symbol`. */
  problem?: string;
  closeCode?: number;
  /** How long the server asked us to stay away, ms. */
  retry_ms?: number;
}

export interface FeedError extends FeedErrorDetails {}
export class FeedError extends Error {
  override name = 'FeedError';

  constructor(
    readonly code: FeedErrorCode,
    message: string,
    details?: FeedErrorDetails,
  ) {
    super(message);
    Object.assign(this, details);
  }
}

/** A frame that does not follow the contract. */
export class DecodeError extends FeedError {
  override name = 'DecodeError';

  constructor(message: string) {
    super('decode', message);
  }
}
