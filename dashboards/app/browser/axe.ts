/** Accessibility of a page as axe-core finds it (https://github.com/dequelabs/axe-core), in the browser itself. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Findings that keep people out; minor ones are printed by axe's own tools. */
export async function serious(on: Page): Promise<string[]> {
  await on.evaluate(axe);
  return on.evaluate(async () => {
    type Finding = { id: string; impact: string; nodes: { target: string[] }[] };
    const { axe } = globalThis as never as { axe: { run(): Promise<{ violations: Finding[] }> } };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  });
}
