/**
 * Every query that is written down here (dashboard, recording rules, alerts), and what it takes for granted: names of
 * metrics, values of labels. Asks nobody; `check.mjs` and the tests hold it against a real server.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { dashboard } from './dashboard.mjs';

/** @typedef {{ from: string, expr: string }} Query `from` says where it is written. */
/** @typedef {{ from: string, expr: string, record?: string, alert?: string, value: string }} Rule `value`: what an alert compares. */

/** @param {string} path below this folder */
export const yaml = (path) => parse(readFileSync(new URL(path, import.meta.url), 'utf8'));

/** @returns {Query[]} */
export function panelQueries() {
  const panels = /** @type {any[]} */ (dashboard().panels);
  return panels.flatMap((panel) =>
    (panel.targets ?? []).map((/** @type {any} */ target) => ({
      from: `panel "${panel.title}" ${target.refId}`,
      expr: target.expr,
    })),
  );
}

/** @returns {Rule[]} */
export function rules() {
  const groups = /** @type {{ rules: any[] }[]} */ (yaml('prometheus/rules.yml').groups);
  return groups
    .flatMap((group) => group.rules)
    .map(({ record, alert, expr }) => {
      const comparison = /^(.*) (?:==|>|<) [\d.]+$/s.exec(expr.trim());
      if (alert && !comparison)
        throw new Error(`${alert}: must be one comparison with a number at its end`);
      return { from: alert ?? record, record, alert, expr, value: comparison?.[1] ?? expr };
    });
}

/** Names of metrics in a query. @param {string} expr */
export const names = (expr) => [...new Set(expr.match(/\btickcast[_:][a-z0-9_:]+/g) ?? [])];

/**
 * Matchers on the server's own labels: `[metric, label, value]`, alternatives of a pattern one by one.
 * @param {string} expr @returns {[string, string, string][]}
 */
export function matchers(expr) {
  const found = [];
  for (const [, metric, inside = ''] of expr.matchAll(/\b(tickcast_[a-z0-9_]+)\{([^}]*)\}/g)) {
    for (const [, label, values = ''] of inside.matchAll(/(\w+)=~?"([^"]*)"/g)) {
      if (label === 'instance' || label === 'job') continue;
      for (const value of values.split('|')) found.push([metric, label, value]);
    }
  }
  return /** @type {[string, string, string][]} */ (found);
}
