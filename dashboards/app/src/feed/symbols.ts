/**
 * Loads the list of symbols (names, titles, places). Tries again while the server is not there: the page cannot be filled
 * without it. Resolves once; never rejects. Beside it, pure questions about such a list.
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

const SIMULATED = ' (simulated)';

/** Whether every title says that its symbol is simulated: then one note for the page is enough. */
export function allSimulated(symbols: readonly SymbolRow[]): boolean {
  return symbols.length > 0 && symbols.every((symbol) => symbol.name.endsWith(SIMULATED));
}

/** The same symbols, their titles without that remark. */
export function withoutRemark(symbols: readonly SymbolRow[]): SymbolRow[] {
  return symbols.map((symbol) => ({ ...symbol, name: symbol.name.slice(0, -SIMULATED.length) }));
}

/** Whether `symbols` are the ones that the page was built for, in the same order: row numbers still hold. */
export function sameSymbols(known: readonly SymbolRow[], symbols: readonly SymbolRow[]): boolean {
  return (
    known.length === symbols.length &&
    known.every(({ S, places }, row) => symbols[row]!.S === S && symbols[row]!.places === places)
  );
}
