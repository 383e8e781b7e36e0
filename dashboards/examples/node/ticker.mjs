/**
 * Prints trades as they come: `node ticker.mjs http://127.0.0.1:8080 AAPL MSFT`. Node before 22 has no WebSocket of its own:
 * the client then goes on over SSE, or give it the one of the package `ws` as `webSocket`.
 */
import { FeedClient, formatPrice } from '@tickcast/client';

const [url = 'http://127.0.0.1:8080', ...symbols] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

const client = new FeedClient({ url, signal: stop.signal });
client.on('state', ({ state, transport }) => console.error(`${state} over ${transport}`));
client.on('error', (error) => console.error('msg' in error ? error.msg : error.message));
client.connect();

const trades = client.subscribe({ symbols: symbols.length > 0 ? symbols : ['*'] });
for await (const event of trades.events({ signal: stop.signal })) {
  if (event.T === 't' || event.T === 'm') {
    console.log(
      event.S,
      formatPrice(event.p, event.places),
      event.v,
      event.T === 'm' ? 'merged' : '',
    );
  } else if (event.T === 'gap') {
    console.log(event.S, `lost ${event.from} to ${event.to}`);
  }
}
