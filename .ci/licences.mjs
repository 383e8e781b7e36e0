/**
 * Licences and bans of `deny.toml` against what cargo and npm would really build with, without any tool that has to be
 * installed first. Prints what is not allowed and exits with 1. Advisories need a database: cargo-deny in the workflow.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Licences of npm packages that only run while building and testing; nothing of them is shipped. */
const TOOLS_ONLY = ['MPL-2.0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'CC0-1.0'];

const deny = readFileSync('deny.toml', 'utf8').replace(/(^|\s)#.*$/gm, '');
const allowed = strings(/\ballow = \[([^\]]*)\]/.exec(deny)?.[1]);
const banned = [...deny.matchAll(/\{ name = "([^"]+)"/g)].map((match) => match[1]);
if (allowed.length === 0 || banned.length === 0) throw new Error('deny.toml was not understood');

function strings(list = '') {
  return [...list.matchAll(/"([^"]+)"/g)].map((match) => match[1]);
}

/** Whether an SPDX expression can be met with `licences`: OR is a choice, AND is not; AND binds tighter. */
function permits(expression, licences) {
  const tokens = expression.replaceAll('/', ' OR ').match(/[()]|[^\s()]+/g) ?? [];
  const any = () => {
    let met = all();
    while (tokens[0] === 'OR') {
      tokens.shift();
      met = all() || met;
    }
    return met;
  };
  const all = () => {
    let met = one();
    while (tokens[0] === 'AND') {
      tokens.shift();
      met = one() && met;
    }
    return met;
  };
  const one = () => {
    const token = tokens.shift();
    if (token !== '(') {
      const name = tokens[0] === 'WITH' ? `${token} ${tokens.splice(0, 2).join(' ')}` : token;
      return licences.includes(name);
    }
    const met = any();
    tokens.shift();
    return met;
  };
  return any() && tokens.length === 0;
}

const wrong = [];
const metadata = execFileSync('cargo', ['metadata', '--format-version', '1', '--locked'], {
  maxBuffer: 1 << 28,
});
const crates = JSON.parse(metadata).packages;
for (const { name, version, license } of crates) {
  if (banned.includes(name)) wrong.push(`crate ${name} is banned in deny.toml`);
  if (!license || !permits(license, allowed)) wrong.push(`crate ${name} ${version}: ${license}`);
}

const lock = JSON.parse(readFileSync('dashboards/package-lock.json', 'utf8')).packages;
const packages = Object.entries(lock).filter(([, entry]) => !entry.link);
for (const [path, { license, dev, resolved }] of packages) {
  const licences = dev ? [...allowed, ...TOOLS_ONLY] : allowed;
  if (!license || !permits(license, licences)) wrong.push(`npm ${path}: ${license}`);
  if (resolved) wrong.push(`npm ${path}: the lock file names a download address`);
}

for (const line of wrong) console.error(`not allowed: ${line}`);
console.log(`licences: ${crates.length} crates, ${packages.length} npm packages, ${wrong.length} not allowed`);
process.exitCode = wrong.length === 0 ? 0 : 1;
