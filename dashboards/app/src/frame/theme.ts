/**
 * Light, dark, or as the system has it. `public/theme.js` sets what was chosen before the first paint; this is the button
 * that chooses. Colours follow from `color-scheme` alone.
 */
import { element } from './elements.ts';

const KEY = 'tickcast-theme';
const NEXT = { auto: 'light', light: 'dark', dark: 'auto' } as const;
type Theme = keyof typeof NEXT;
const SAID: Record<Theme, string> = { auto: 'as the system', light: 'light', dark: 'dark' };

function current(): Theme {
  const theme = document.documentElement.dataset['theme'];
  return theme === 'light' || theme === 'dark' ? theme : 'auto';
}

export function nextTheme(): void {
  const theme = NEXT[current()];
  document.documentElement.dataset['theme'] = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage may be forbidden; then the choice lasts as long as the page.
  }
  label();
  document.dispatchEvent(new Event('themechange'));
}

function label(): void {
  const button = element('theme');
  button.setAttribute('aria-label', `Theme: ${SAID[current()]}`);
  button.title = `Theme: ${SAID[current()]} (t)`;
}

export function startTheme(): void {
  element('theme').addEventListener('click', nextTheme);
  label();
}
