/**
 * How much memory the page's script and its worker use, after garbage was collected, through Chromium's debugging protocol.
 */
import type { Tab } from './devtools.ts';

export interface Used {
  page: number;
  worker: number;
}

/** Bytes: of the page, and of its workers. */
export async function used({ devtools, session, workers }: Tab): Promise<Used> {
  const of = async (session: string): Promise<number> => {
    await devtools.send('HeapProfiler.collectGarbage', {}, session);
    return (await devtools.send('Runtime.getHeapUsage', {}, session))['usedSize'] as number;
  };
  const page = await of(session);
  let worker = 0;
  for (const session of workers) worker += await of(session);
  if (worker === 0) throw new Error('the worker was not found');
  return { page, worker };
}
