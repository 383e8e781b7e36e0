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

/** What was written last is kept beside the element: asking the document for it costs more than the comparison. */
interface Written extends Element {
  written?: string;
  marks?: Record<string, string>;
}

export function write(target: Written, text: string): void {
  if (target.written === text) return;
  target.written = text;
  const node = target.firstChild as Text | null;
  if (!node) target.append(text);
  else if (node.data !== text) node.data = text;
}

/** Sets a `data-` attribute. */
export function mark(target: HTMLElement & Written, name: string, value: string): void {
  const marks = (target.marks ??= {});
  if (marks[name] === value) return;
  marks[name] = value;
  if (target.dataset[name] !== value) target.dataset[name] = value;
}
