/**
 * Colours of the style sheet for what paints on a canvas, and the moments at which they change: another theme was chosen
 * here or in the system.
 */

/** The values of custom properties that hold colours, as `rgb(…)`. */
export function colours<K extends string>(names: readonly K[]): Record<K, string> {
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  const found = names.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color] as const;
  });
  probe.remove();
  return Object.fromEntries(found) as Record<K, string>;
}

/** Calls `changed` after every change of the theme. */
export function onTheme(changed: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
  document.addEventListener('themechange', changed);
}
