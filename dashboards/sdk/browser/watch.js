/**
 * Runs in a page or in a Worker: takes a hundred events and checks their numbers. Plain JavaScript, because it is served as
 * it stands, beside the built client.
 */
import { FeedClient } from '../dist/browser/tickcast.js';

export async function watch(options) {
  const client = new FeedClient({ firstByteMs: 2000, pollMs: 100, ...options });
  const last = new Map();
  const faults = [];
  let events = 0;
  client.connect();
  for await (const item of client.subscribe({ symbols: ['*'] }).events({ buffer: 100_000 })) {
    if (item.T !== 't') {
      faults.push(item.T);
      continue;
    }
    const before = last.get(item.S);
    if (before !== undefined && item.n !== before + 1) faults.push(`${item.S} ${before} ${item.n}`);
    last.set(item.S, item.n);
    if (!item.snap) events += 1;
    if (events === 100) break;
  }
  const { transport, format } = client.status;
  client.close();
  return { transport, format, events, faults };
}

/** A connected client for the test to look at. */
export function connect(options) {
  const client = new FeedClient(options);
  client.connect();
  globalThis.client = client;
}

if (typeof document === 'undefined') {
  self.onmessage = ({ data }) => watch(data).then((seen) => self.postMessage(seen));
}
