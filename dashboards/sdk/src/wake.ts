/**
 * Knows when waiting has become pointless: the network is back, the tab is seen again, or the page came out of the
 * back-forward cache. The only part of the library that knows a window; in a Worker only `online` reaches it.
 */
import type { FeedClient } from './client.ts';

type Scope = Pick<EventTarget, 'addEventListener'>;

/** Calls `wake`, with whether the network may be another one, until the returned function is called. */
export function onWake(
  wake: (online: boolean) => void,
  scope: Partial<Scope> & { document?: Document } = globalThis as never,
): () => void {
  const over = new AbortController();
  const { signal } = over;
  const page = scope.document;
  const shown = (): void => {
    if (page?.visibilityState !== 'hidden') wake(false);
  };
  const listen = (target: Partial<Scope> | undefined, event: string, call: () => void): void =>
    target?.addEventListener?.(event, call, { signal });
  listen(scope, 'online', () => wake(true));
  listen(scope, 'pageshow', shown);
  listen(page, 'visibilitychange', shown);
  return () => over.abort();
}

/** The client does this by itself where it runs; for a page whose client lives elsewhere. */
export function reconnectOnWake(
  client: Pick<FeedClient, 'dialNow'>,
  page: Window = window,
): () => void {
  return onWake(() => client.dialNow(), page);
}
