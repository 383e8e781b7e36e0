/**
 * Dials at once when waiting has become pointless: the network is back, the tab is seen again, or the page came out of the
 * back-forward cache. The only part of the library that knows a window.
 */
import type { FeedClient } from './client.ts';

/** Watches `page` until the returned function is called. */
export function reconnectOnWake(client: FeedClient, page: Window = window): () => void {
  const wake = (): void => client.dialNow();
  const shown = (): void => {
    if (page.document.visibilityState === 'visible') client.dialNow();
  };
  page.addEventListener('online', wake);
  page.addEventListener('pageshow', wake);
  page.document.addEventListener('visibilitychange', shown);
  return () => {
    page.removeEventListener('online', wake);
    page.removeEventListener('pageshow', wake);
    page.document.removeEventListener('visibilitychange', shown);
  };
}
