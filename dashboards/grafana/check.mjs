/**
 * The full check (`./check`): a real server under the load of the compose file, a real Prometheus that scrapes it with the
 * configuration and rules of this folder, then every query of the dashboard and the value of every rule must come out
 * non-empty and finite. Binds free ports only, writes only to a temporary folder, ends what it started.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { panelQueries, rules, yaml } from './queries.mjs';
import { program, startServer } from './server.mjs';

const DEADLINE_MS = 90_000;
/** What Grafana puts in, for a scrape each second. */
const VALUES = { $instance: '.+', $__rate_interval: '10s', $__range: '1m' };
const TRANSPORTS = 5;
const here = fileURLToPath(new URL('.', import.meta.url));

for (const tool of ['prometheus', 'promtool']) {
  if (spawnSync(tool, ['--version']).error) {
    console.error(
      `${tool} is missing: install it (Debian: sudo apt-get install prometheus), then run this again`,
    );
    process.exit(1);
  }
}

/** A port that was free a moment ago. @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = /** @type {import('node:net').AddressInfo} */ (probe.address());
      probe.close(() => resolve(address.port));
    });
  });
}

/** @param {string} what @param {() => Promise<boolean>} holds */
async function until(what, holds) {
  const end = Date.now() + DEADLINE_MS;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > end) throw new Error(`not within ${DEADLINE_MS / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** This folder's configuration for `admin`, with a scrape each second. @param {string} folder @param {string} admin */
function configure(folder, admin) {
  const config = yaml('prometheus/prometheus.yml');
  config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
  config.scrape_configs[0].static_configs[0].targets = [new URL(admin).host];
  cpSync(`${here}prometheus/rules.yml`, `${folder}/rules.yml`);
  writeFileSync(`${folder}/prometheus.yml`, stringify(config));
}

/** @param {string[]} arguments_ */
function promtool(...arguments_) {
  const { status, stdout, stderr } = spawnSync('promtool', arguments_, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`promtool ${arguments_.join(' ')}:\n${stdout}${stderr}`);
  console.log(`ok  promtool ${arguments_.slice(0, 2).join(' ')}`);
}

/** @param {string} prometheus */
function asker(prometheus) {
  /** Values of an instant query. @param {string} expr @returns {Promise<number[]>} */
  return async (expr) => {
    const filled = Object.entries(VALUES).reduce(
      (text, [name, value]) => text.replaceAll(name, value),
      expr,
    );
    const body = new URLSearchParams({ query: filled });
    const answer = await (
      await fetch(`${prometheus}/api/v1/query`, { method: 'POST', body })
    ).json();
    if (answer.status !== 'success') throw new Error(`${answer.error}: ${filled}`);
    return answer.data.result.map((/** @type {any} */ series) => Number(series.value[1]));
  };
}

/** Evaluates everything; what is wrong, in words. @param {string} prometheus @returns {Promise<string[]>} */
async function evaluate(prometheus) {
  const ask = asker(prometheus);
  const wrong = [];
  const values = rules().map(({ from, value }) => ({ from, expr: value }));
  for (const { from, expr } of [...panelQueries(), ...values]) {
    const results = await ask(expr);
    const good = results.length > 0 && results.every(Number.isFinite);
    const shown = results.slice(0, 4).map((result) => Number(result.toPrecision(3)));
    console.log(`${good ? 'ok ' : 'BAD'} ${from}: ${results.length} series, ${shown.join(' ')}`);
    if (!good) wrong.push(`${from}: ${results.length === 0 ? 'empty' : results.join(' ')}`);
  }
  const { data } = await (await fetch(`${prometheus}/api/v1/rules`)).json();
  const loaded = data.groups.flatMap((/** @type {any} */ group) => group.rules);
  for (const rule of loaded.filter((/** @type {any} */ rule) => rule.health !== 'ok')) {
    wrong.push(`rule ${rule.name}: ${rule.health} ${rule.lastError}`);
  }
  if (loaded.length !== rules().length)
    wrong.push(`${loaded.length} rules were loaded of ${rules().length}`);
  const firing = loaded.filter((/** @type {any} */ rule) => rule.state === 'firing');
  console.log(
    `    firing under this load: ${firing.map((/** @type {any} */ rule) => rule.name).join(' ') || 'nothing'}`,
  );
  return wrong;
}

/** @param {string} folder @param {(() => unknown)[]} endings filled with what has to be ended */
async function run(folder, endings) {
  promtool('check', 'rules', `${here}prometheus/rules.yml`);
  promtool('test', 'rules', `${here}prometheus/rules.test.yml`);
  const server = await startServer(['--symbols', '100', '--rate', '2000', '--shards', '2']);
  endings.push(server.stop);
  configure(folder, server.admin);
  promtool('check', 'config', `${folder}/prometheus.yml`);

  const { services } = yaml('compose.yaml');
  for (const { command } of [services.load, services.slow]) {
    const words = command.replace('http://server:8080', server.url).split(/\s+/);
    const tester = spawn(program('load-tester', process.env['LOAD_TESTER']), words, {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    endings.push(() => tester.kill('SIGKILL'));
    tester.once(
      'exit',
      (code) => code && console.error(`wrong: \`load-tester ${command}\` ended with ${code}`),
    );
  }
  const port = await freePort();
  const storage = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
  const listen = [`--web.listen-address=127.0.0.1:${port}`, '--log.level=error'];
  const scraper = spawn('prometheus', [...storage, ...listen], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const gone = new Promise((resolve) => scraper.once('exit', resolve));
  endings.push(() => scraper.kill('SIGKILL') && gone);

  const prometheus = `http://127.0.0.1:${port}`;
  const ask = asker(prometheus);
  await until('messages on every transport, slow clients, and the recorded values', async () => {
    const sending = await ask('rate(tickcast_messages_sent_total[$__rate_interval]) > 0');
    const recorded = await ask('tickcast:publish_to_write_seconds:p99');
    const [slow = 0] = await ask('sum(tickcast_slow_connections)');
    return slow > 0 && sending.length === TRANSPORTS && recorded.some(Number.isFinite);
  });
  return evaluate(prometheus);
}

const folder = mkdtempSync(`${tmpdir()}/tickcast-grafana-`);
/** @type {(() => unknown)[]} */
const endings = [];
try {
  const wrong = await run(folder, endings);
  for (const line of wrong) console.error(`wrong: ${line}`);
  console.log(
    `${panelQueries().length} queries of panels and ${rules().length} rules, ${wrong.length} wrong`,
  );
  process.exitCode = wrong.length === 0 ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  for (const end of endings.reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
}
