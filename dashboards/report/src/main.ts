/**
 * Brings a report to life: charts into its figures, the switches of its legends, the download of its data. The page is
 * complete to read without; nothing here fetches anything.
 */
import './sharp.ts';
import 'uplot/dist/uPlot.min.css';
import type { Figure } from './data.ts';
import { Panel } from './panel.ts';

function json<T>(id: string): T | undefined {
  const text = document.getElementById(id)?.textContent;
  return text ? (JSON.parse(text) as T) : undefined;
}

function panels(): Panel[] {
  return (json<Figure[]>('figures') ?? []).flatMap((figure) => {
    const element = document.getElementById(figure.id);
    return element ? [new Panel(element, figure)] : [];
  });
}

/** A press on a lane's name takes its lines out of every chart, or brings them back. */
function switches(all: Panel[]): void {
  const buttons = [...document.querySelectorAll<HTMLButtonElement>('button[data-lane]')];
  const off = new Set<string>();
  for (const button of buttons) {
    button.addEventListener('click', () => {
      const lane = button.dataset['lane']!;
      if (!off.delete(lane)) off.add(lane);
      for (const other of buttons) {
        other.setAttribute('aria-pressed', String(!off.has(other.dataset['lane']!)));
      }
      for (const panel of all) panel.hide(off);
    });
  }
}

function download(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-download]')) {
    button.addEventListener('click', () => {
      const text = document.getElementById('raw')?.textContent ?? '';
      const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
      const link = document.createElement('a');
      link.href = url;
      link.download = button.dataset['download']!;
      link.click();
      URL.revokeObjectURL(url);
    });
  }
}

const all = panels();
switches(all);
download();
document.documentElement.classList.add('alive');
const again = (): void => all.forEach((panel) => panel.draw());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);

window.addEventListener('beforeprint', () => {
  document.documentElement.classList.add('paper');
  all.forEach((panel) => panel.draw(true));
});
window.addEventListener('afterprint', () => {
  document.documentElement.classList.remove('paper');
  again();
});
