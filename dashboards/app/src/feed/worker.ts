/**
 * The worker: everything that comes from the network is decoded and merged here, so that the page's thread only paints.
 * Starts the hub and passes messages; holds no state of its own.
 */
import { Hub } from './hub.ts';
import type { FromWorker, ToWorker } from './talk.ts';

const scope = self as unknown as {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};

const hub = new Hub((message, transfer = []) => scope.postMessage(message, transfer));
scope.onmessage = ({ data }) => hub.hear(data);
