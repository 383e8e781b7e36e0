/**
 * Puts the common frame into each page while it is built: `<!-- frame: top -->` becomes `frame/top.html`, and within it
 * `<!-- pages -->` the navigation, once there is more than one page. Runs in Vite only; pages are plain files afterwards.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

export interface PageEntry {
  file: string;
  title: string;
}

const folder = fileURLToPath(new URL('../frame/', import.meta.url));

export function frame(pages: readonly PageEntry[]): Plugin {
  return {
    name: 'frame',
    transformIndexHtml: {
      order: 'pre',
      handler: (html, { path }) =>
        html
          .replace(/<!-- frame: (\w+) -->/g, (_, name: string) => {
            return readFileSync(`${folder}${name}.html`, 'utf8');
          })
          .replace('<!-- pages -->', navigation(pages, path.replace(/^\//, '') || 'index.html')),
    },
  };
}

function navigation(pages: readonly PageEntry[], here: string): string {
  if (pages.length < 2) return '';
  const links = pages.map(({ file, title }) => {
    const address = file === 'index.html' ? '/' : `/${file}`;
    const current = file === here ? ' aria-current="page"' : '';
    return `<a href="${address}"${current}>${title}</a>`;
  });
  return `<nav class="pages" aria-label="Pages">${links.join('')}</nav>`;
}
