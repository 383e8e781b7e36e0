/** The page's colours, as its style has them at the moment: they change with the reader's scheme, and on paper. */

export interface Palette {
  text: string;
  muted: string;
  grid: string;
  /** A series' colour by its slot. */
  series: (slot: number | null) => string;
}

/** How many colours the style has: `--c0` to `--c9`. */
const SLOTS = 10;

export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return {
    text: read('--text'),
    muted: read('--muted'),
    grid: read('--line'),
    series: (slot) => read(slot === null ? '--faint' : `--c${slot % SLOTS}`),
  };
}
