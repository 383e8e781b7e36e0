/**
 * One client for the whole page, and hooks on it. A hook keeps the newest message of each symbol outside React and renders
 * once a frame at most, however many messages come.
 */
import { FeedClient, type LinkStatus, type Merged, type Trade } from '@tickcast/client';
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react';

const Feed = createContext<FeedClient | undefined>(undefined);

export function FeedProvider({ url, children }: { url: string; children: ReactNode }) {
  const [client, setClient] = useState<FeedClient>();
  useEffect(() => {
    const client = new FeedClient({ url });
    client.connect();
    setClient(client);
    return () => client.close();
  }, [url]);
  return <Feed value={client}>{children}</Feed>;
}

/** The state of the connection. */
export function useStatus(): LinkStatus | undefined {
  const client = useContext(Feed);
  const [status, setStatus] = useState<LinkStatus>();
  useEffect(() => {
    setStatus(client?.status);
    return client?.on('state', setStatus);
  }, [client]);
  return status;
}

/** The newest trade of each symbol, by name. */
export function useTrades(symbols: readonly string[]): ReadonlyMap<string, Trade | Merged> {
  const client = useContext(Feed);
  const [trades, setTrades] = useState<ReadonlyMap<string, Trade | Merged>>(new Map());
  const key = symbols.join();
  useEffect(() => {
    if (!client) return undefined;
    const newest = new Map<string, Trade | Merged>();
    let frame = 0;
    const subscription = client.subscribe({ symbols: key.split(','), mode: 'latest' });
    subscription.on('trade', (trade) => {
      newest.set(trade.S, trade);
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        setTrades(new Map(newest));
      });
    });
    return () => {
      cancelAnimationFrame(frame);
      subscription.close();
    };
  }, [client, key]);
  return trades;
}
