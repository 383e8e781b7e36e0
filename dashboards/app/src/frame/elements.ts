/**
 * Elements, and writing into them: text that has not changed is not touched, so that nothing is laid out for it.
 */

/** The element that the page is built with. */
export function element<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as unknown as T;
}

/** A new element of a class. */
export function part(tag: string, name: string, ...children: Node[]): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  made.append(...children);
  return made;
}

export function write(target: Element, text: string): void {
  const node = target.firstChild as Text | null;
  if (!node) {
    if (text !== '') target.append(text);
  } else if (node.data !== text) node.data = text;
}

export function mark(target: HTMLElement, name: string, value: string): void {
  if (target.dataset[name] !== value) target.dataset[name] = value;
}
