/**
 * What the page says about the connection, in words: the pill, the sentence that tells what to do, the text read aloud.
 * Pure functions of the client's status and the last heartbeat.
 */
import type { Format, Heartbeat, LinkStatus, TransportName } from '@tickcast/client';
import { milliseconds } from './format.ts';

/** A source that has been silent for longer is worth a word. */
const SOURCE_SILENT_MS = 5000;
/** Without a network, so much silence means that the connection is gone, whatever it says itself. */
const OFFLINE_MS = 2000;

export interface Health {
  status: LinkStatus;
  heartbeat?: Heartbeat | undefined;
  /** Whether there ever was a connection. */
  met: boolean;
  /** Whether the browser says that there is a network; a server on the same machine needs none. */
  online: boolean;
  /** How long nothing has come, ms. */
  silent_ms?: number;
  /** The page let the connection go because nobody looked. */
  paused?: boolean;
  host: string;
}

/** The state that colours the page. */
export function stateOf({ status, online, silent_ms = 0, paused }: Health): string {
  if (paused) return 'paused';
  if (online || status.state === 'closed') return status.state;
  return status.state === 'reconnecting' || silent_ms > OFFLINE_MS ? 'offline' : status.state;
}

/** Text of the pill; changes once a second at most. */
export function pillText(health: Health, now_ms: number): string {
  const { status, heartbeat } = health;
  switch (stateOf(health)) {
    case 'paused':
      return 'Paused';
    case 'offline':
      return 'Offline';
    case 'connecting':
      return 'Connecting';
    case 'live':
      if (heartbeat && heartbeat.source_age_ms > SOURCE_SILENT_MS) {
        return `Live, source silent ${Math.round(heartbeat.source_age_ms / 1000)} s`;
      }
      return 'Live';
    case 'stale':
      return 'Stale';
    case 'reconnecting': {
      const left = Math.ceil(((status.retryAt ?? now_ms) - now_ms) / 1000);
      return left > 0 ? `Reconnecting in ${left} s` : 'Reconnecting';
    }
    default:
      return 'Closed';
  }
}

const TRANSPORTS: Record<TransportName, string> = {
  ws: 'WebSocket',
  sse: 'SSE',
  stream: 'HTTP stream',
  longpoll: 'Long poll',
  poll: 'Polling',
};
const FORMATS: Record<Format, string> = { json: 'JSON', msgpack: 'MessagePack' };

/** What carries the prices, and how they are written. */
export function viaText({ transport, format }: LinkStatus): string {
  return `${TRANSPORTS[transport]} · ${FORMATS[format]}`;
}

/** Latency as far as it can be told: clocks are compared with an error, and what is below it is not known. */
export function latencyText(latency_us: number | undefined, error_us = 0): string {
  if (latency_us === undefined) return '–';
  const known = Math.max(latency_us, error_us, 0);
  const text = milliseconds(known);
  return latency_us < error_us && !text.startsWith('<') ? `< ${text}` : text;
}

/** What has happened and what to do about it; nothing while all is well. `code` parts stand in backticks. */
export function notice(health: Health): string | undefined {
  const { status, met, host } = health;
  switch (stateOf(health)) {
    case 'offline':
      return 'This device is offline; the prices shown are the last ones received. The page reconnects as soon as there is a network.';
    case 'stale':
      return `${host} has sent nothing for two heartbeats; the prices may be old. The page reconnects by itself if it stays silent.`;
    case 'reconnecting':
      return met
        ? `The connection to ${host} was lost; the prices shown are the last ones received. The page reconnects by itself. If this lasts, look whether the server is still running, or start it with \`make run\`.`
        : `No server answers at ${host}. Start it with \`make run\`; the page connects by itself once it is up.`;
    case 'closed':
      return status.code === undefined
        ? undefined
        : `The server does not want this page back (close code ${status.code}). Check how it is configured for access, then reload.`;
    default:
      return undefined;
  }
}

/** For readers of `aria-live`: the state, without a countdown that would be read every second. */
export function spoken(health: Health): string {
  switch (stateOf(health)) {
    case 'paused':
      return 'Paused while the page is hidden.';
    case 'offline':
      return 'Offline: no network.';
    case 'connecting':
      return `Connecting to ${health.host}.`;
    case 'live':
      return 'Live: prices are up to date.';
    case 'stale':
      return 'Stale: the server has gone silent.';
    case 'reconnecting':
      return 'Connection lost; reconnecting.';
    default:
      return 'Connection closed.';
  }
}
