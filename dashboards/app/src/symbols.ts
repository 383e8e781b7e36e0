/**
 * Loads the list of symbols (names, titles, places). Tries again while the server is not there: the table cannot be filled
 * without it. Resolves once; never rejects.
 */
import type { SymbolRow } from '@tickcast/client';

const AGAIN_MS = 1500;

export async function loadSymbols(url: string): Promise<SymbolRow[]> {
  for (;;) {
    try {
      const answer = await fetch(url);
      if (answer.ok) return (await answer.json()) as SymbolRow[];
    } catch {
      // The connection's pill and notice already say that the server is not there.
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
