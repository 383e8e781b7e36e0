/** A watchlist of a few symbols. */
import { formatPrice } from '@tickcast/client';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { FeedProvider, useStatus, useTrades } from './feed.tsx';

const SYMBOLS = ['AAPL', 'MSFT', 'NVDA'];

function Watchlist() {
  const status = useStatus();
  const trades = useTrades(SYMBOLS);
  return (
    <>
      <p role="status">
        {status?.state} over {status?.transport}
      </p>
      <ul>
        {SYMBOLS.map((symbol) => {
          const trade = trades.get(symbol);
          return (
            <li key={symbol}>
              {symbol} {trade ? formatPrice(trade.p, trade.places) : '…'}
            </li>
          );
        })}
      </ul>
    </>
  );
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <FeedProvider url={import.meta.env['VITE_FEED'] ?? 'http://127.0.0.1:8080'}>
      <Watchlist />
    </FeedProvider>
  </StrictMode>,
);
