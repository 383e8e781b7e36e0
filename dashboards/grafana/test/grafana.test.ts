/**
 * What can be said of the dashboard, the rules and the compose file without Prometheus, Grafana or containers: that they
 * name what the real server exposes, and each other, correctly. `check` beside it runs the queries.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FILE, text } from '../dashboard.mjs';
import { matchers, names, panelQueries, rules, yaml } from '../queries.mjs';
import { exposed, program, startServer } from '../server.mjs';

const here = fileURLToPath(new URL('../', import.meta.url));
const page = JSON.parse(readFileSync(FILE, 'utf8'));

describe('the dashboard', () => {
  test('is what the panels say (otherwise: npm run write -w grafana)', () => {
    expect(readFileSync(FILE, 'utf8') === text()).toBe(true);
  });

  test('has panels with ids of their own, inside the grid, none upon another', () => {
    const ids = page.panels.map((panel: { id: number }) => panel.id);
    expect(new Set(ids).size).toBe(ids.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of page.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x},${y}`), `${title} lies upon another panel`).toBeUndefined();
          taken.set(`${x},${y}`, title);
        }
      }
    }
  });

  test('asks the provisioned datasource and no other', () => {
    const provisioned = yaml('provisioning/datasources/prometheus.yaml').datasources[0];
    const asked: unknown[] = [];
    JSON.stringify(page, (key, value) => {
      if (key === 'datasource') asked.push(value);
      return value;
    });
    expect(asked.length).toBeGreaterThan(page.panels.length);
    for (const datasource of asked) {
      expect(datasource).toEqual({ type: provisioned.type, uid: provisioned.uid });
    }
    for (const panel of page.panels.filter((panel: { type: string }) => panel.type !== 'row')) {
      expect(panel.targets.length, panel.title).toBeGreaterThan(0);
      for (const target of panel.targets) expect(target.datasource, panel.title).toBeDefined();
      expect(panel.description, `${panel.title} says what to do`).toBeTruthy();
    }
  });
});

describe('against a real server', () => {
  let server: Awaited<ReturnType<typeof startServer>>;
  let series: Awaited<ReturnType<typeof exposed>>;
  beforeAll(async () => {
    server = await startServer();
    series = await exposed(server.admin);
  });
  afterAll(() => server.stop());

  test('every metric and label value that is asked for is exposed', () => {
    const recorded = new Set(rules().map((rule) => rule.record));
    const variable = page.templating.list[0].query.query as string;
    for (const { from, expr } of [
      ...panelQueries(),
      ...rules(),
      { from: 'variable', expr: variable },
    ]) {
      for (const name of names(expr)) {
        expect(series.has(name) || recorded.has(name), `${from}: ${name}`).toBe(true);
      }
      for (const [metric, label, value] of matchers(expr)) {
        const values = series.get(metric)?.map((labels) => labels[label]);
        expect(values, `${from}: ${metric} ${label}`).toContain(value);
      }
    }
  });

  test('every metric that is exposed is on the dashboard', () => {
    const shown = new Set(panelQueries().flatMap(({ expr }) => names(expr)));
    const parts = (name: string) => [name, name.replace(/_(sum|count)$/, '_bucket')];
    const hidden = [...series.keys()].filter(
      (name) => !parts(name).some((part) => shown.has(part)),
    );
    expect(series.size).toBeGreaterThan(20);
    expect(hidden).toEqual([]);
  });

  test('a container’s health check tells ready from draining and from not there', async () => {
    const ready = (port: string | number) =>
      new Promise((resolve) => spawn(`${here}ready`, [String(port)]).once('exit', resolve));
    await expect.poll(() => ready(new URL(server.admin).port), { timeout: 20_000 }).toBe(0);
    const draining = createServer((_, answer) => answer.writeHead(503).end('not ready\n'));
    await new Promise<void>((resolve) => draining.listen(0, '127.0.0.1', resolve));
    const { port } = draining.address() as AddressInfo;
    expect(await ready(port)).toBe(1);
    await new Promise((resolve) => draining.close(resolve));
    expect(await ready(port)).not.toBe(0);
  });
});

test('every alert says what to do, and has a test in which it fires', () => {
  const tests = yaml('prometheus/rules.test.yml').tests as { alert_rule_test: any[] }[];
  const fired = tests.flatMap(({ alert_rule_test }) => alert_rule_test);
  for (const { alerts } of [
    { alerts: yaml('prometheus/rules.yml').groups.flatMap((g: any) => g.rules) },
  ]) {
    for (const { alert, labels, annotations } of alerts.filter((rule: any) => rule.alert)) {
      expect(['info', 'warning', 'critical'], alert).toContain(labels.severity);
      expect(annotations.summary && annotations.do, alert).toBeTruthy();
      const firing = fired.filter((test) => test.alertname === alert && test.exp_alerts.length > 0);
      expect(firing.length, alert).toBeGreaterThan(0);
    }
  }
});

describe('the compose file', () => {
  const { services } = yaml('compose.yaml');

  test('mounts what there is, where Grafana is told to look', () => {
    const mounts = [...services.grafana.volumes, ...services.prometheus.volumes] as string[];
    for (const source of mounts
      .map((mount) => mount.split(':')[0]!)
      .filter((s) => s.startsWith('.'))) {
      expect(existsSync(here + source), source).toBe(true);
    }
    const provider = yaml('provisioning/dashboards/tickcast.yaml').providers[0];
    expect(services.grafana.volumes).toContain(`./dashboards:${provider.options.path}:ro`);
    const datasource = yaml('provisioning/datasources/prometheus.yaml').datasources[0];
    expect(Object.keys(services)).toContain(new URL(datasource.url).hostname);
  });

  test('lets Prometheus scrape the server, under the job of the alerts', () => {
    const [job] = yaml('prometheus/prometheus.yml').scrape_configs;
    const port = services.server.environment.TICKCAST_ADMIN_LISTEN.split(':')[1];
    expect(job.static_configs[0].targets).toEqual([`server:${port}`]);
    expect(services.server.healthcheck.test).toEqual(['CMD', '/usr/local/bin/ready', port]);
    for (const { expr } of rules()) {
      for (const [, name] of expr.matchAll(/job="(\w+)"/g)) expect(name).toBe(job.job_name);
    }
  });

  test('gives the server settings that it takes', () => {
    const settings = services.server.environment as Record<string, string>;
    const env = { ...process.env, ...settings };
    execFileSync(program('feed-server', process.env['FEED_SERVER']), ['--check'], { env });
    const help = execFileSync(program('feed-server', process.env['FEED_SERVER']), ['--help'], {
      encoding: 'utf8',
    });
    for (const name of Object.keys(settings)) expect(help).toContain(`${name}=`);
  });

  test('builds stages that the Dockerfile has, from files that there are', () => {
    const docker = readFileSync(`${here}Dockerfile`, 'utf8');
    const stages = [...docker.matchAll(/^FROM \S+ AS (\S+)$/gm)].map((match) => match[1]);
    for (const { build } of [services.server, services.load])
      expect(stages).toContain(build.target);
    for (const [, paths] of docker.matchAll(/^COPY (?!--from)(?:--\S+ )*(.+) \S+$/gm)) {
      for (const path of paths!.split(' '))
        expect(existsSync(`${here}../../${path}`), path).toBe(true);
    }
    const rust = /rust-version = "([\d.]+)"/.exec(
      readFileSync(`${here}../../Cargo.toml`, 'utf8'),
    )?.[1];
    expect(docker).toContain(`FROM rust:${rust}-`);
  });
});
