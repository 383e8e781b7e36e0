/**
 * The page's keys and the dialog that lists them. A key does nothing while somebody types into a field, or together with
 * Ctrl, Alt or Meta, which belong to the browser.
 */
import { element } from './elements.ts';

export type Keys = Record<string, () => void>;

export function startKeys(keys: Keys): void {
  const help = element<HTMLDialogElement>('help');
  const all: Keys = { ...keys, '?': () => help.showModal() };
  element('help-open').addEventListener('click', () => help.showModal());
  element('help-close').addEventListener('click', () => help.close());
  help.addEventListener('click', (event) => {
    if (event.target === help) help.close();
  });
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || help.open)
      return;
    const target = event.target as Element;
    if (target.matches('input:not([type=range]), select, textarea')) return;
    const action = all[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
