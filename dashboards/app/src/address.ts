/**
 * The page's own address: what it asks for (`?symbols=`, `?format=`) and what was typed (`?q=`), so that a link shows the
 * same thing again.
 */
export interface Wishes {
  symbols: string[];
  format: 'json' | 'msgpack';
  typed: string;
}

export function readAddress(query: string): Wishes {
  const parameters = new URLSearchParams(query);
  const symbols = (parameters.get('symbols') ?? '*')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return {
    symbols: symbols.length > 0 ? symbols : ['*'],
    format: parameters.get('format') === 'msgpack' ? 'msgpack' : 'json',
    typed: parameters.get('q') ?? '',
  };
}

/** The query with what is typed now; other parameters stay. */
export function withTyped(query: string, typed: string): string {
  const parameters = new URLSearchParams(query);
  if (typed === '') parameters.delete('q');
  else parameters.set('q', typed);
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
