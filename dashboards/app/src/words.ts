/**
 * What the page says about the connection, in words: the pill, the sentence that tells what to do, the text read aloud.
 * Pure functions of the client's status and the last heartbeat.
 */
import type { Heartbeat, LinkStatus } from '@tickcast/client';

/** A source that has been silent for longer is worth a word. */
const SOURCE_SILENT_MS = 5000;

export interface Health {
  status: LinkStatus;
  heartbeat?: Heartbeat | undefined;
  /** Whether there ever was a connection. */
  met: boolean;
  host: string;
}

/** Text of the pill; changes once a second at most. */
export function pillText({ status, heartbeat }: Health, now_ms: number): string {
  switch (status.state) {
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
    case 'closed':
      return 'Closed';
  }
}

/** What has happened and what to do about it; nothing while all is well. `code` parts stand in backticks. */
export function notice({ status, met, host }: Health): string | undefined {
  switch (status.state) {
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
export function spoken({ status, host }: Health): string {
  switch (status.state) {
    case 'connecting':
      return `Connecting to ${host}.`;
    case 'live':
      return 'Live: prices are up to date.';
    case 'stale':
      return 'Stale: the server has gone silent.';
    case 'reconnecting':
      return 'Connection lost; reconnecting.';
    case 'closed':
      return 'Connection closed.';
  }
}
