/**
 * lightweight-charts places its logo with a `<style>` element of its own, which the Content-Security-Policy refuses and
 * complains about. Its rules stand in `chart.css` instead, and the element is kept out of the document.
 */
import type { IChartApi } from 'lightweight-charts';

/** To be called before the logo is switched on. The cells are the chart's own; they add and remove the element themselves. */
export function allowLogo(chart: IChartApi): void {
  const cells = chart.panes()[0]?.getHTMLElement()?.querySelectorAll('td') ?? [];
  for (const cell of cells) {
    cell.appendChild = <T extends Node>(node: T): T =>
      node instanceof HTMLStyleElement ? node : (Node.prototype.appendChild.call(cell, node) as T);
    cell.removeChild = <T extends Node>(node: T): T =>
      node instanceof HTMLStyleElement ? node : (Node.prototype.removeChild.call(cell, node) as T);
  }
}
