/**
 * Writes `licences.txt` into the build: the licence of every package that the pages ship, which is what `dependencies` names
 * and what those need. A package without a licence text stops the build; texts that a package forgot are in `licences/`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const app = fileURLToPath(new URL('../', import.meta.url));
const require = createRequire(import.meta.url);

interface Manifest {
  name: string;
  version: string;
  license: string;
  dependencies?: Record<string, string>;
}

export function licences(): Plugin {
  return {
    name: 'licences',
    apply: 'build',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: text() });
    },
  };
}

/** One section a package, in the order of names. */
export function text(): string {
  const own = JSON.parse(readFileSync(`${app}package.json`, 'utf8')) as Manifest;
  const found = new Map<string, string>();
  collect(Object.keys(own.dependencies ?? {}), found);
  const sections = [...found.keys()].sort().map((name) => found.get(name)!);
  return `Tickcast's pages contain the following works of others.\n\n${sections.join('\n\n')}\n`;
}

function collect(names: readonly string[], found: Map<string, string>): void {
  for (const name of names) {
    if (found.has(name) || name.startsWith('@tickcast/')) continue;
    const folder = folderOf(name);
    const manifest = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest;
    const title = `${manifest.name} ${manifest.version} (${manifest.license})`;
    found.set(name, `${title}\n${'='.repeat(title.length)}\n\n${texts(name, folder).join('\n\n')}`);
    collect(Object.keys(manifest.dependencies ?? {}), found);
  }
}

function folderOf(name: string): string {
  const roots = require.resolve.paths(name) ?? [];
  const root = roots.find((path) => existsSync(`${path}/${name}/package.json`));
  if (!root) throw new Error(`${name} is not installed: run npm ci`);
  return dirname(`${root}/${name}/package.json`);
}

function texts(name: string, folder: string): string[] {
  const shipped = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  const added = readdirSync(`${app}licences`).filter((file) =>
    file.startsWith(`${name.replace('/', '-')}.`),
  );
  const all = [
    ...added.map((file) => `${app}licences/${file}`),
    ...shipped.map((file) => `${folder}/${file}`),
  ];
  if (all.length === 0) throw new Error(`${name} ships no licence text: add licences/${name}.txt`);
  return all.map((path) => readFileSync(path, 'utf8').trim());
}
