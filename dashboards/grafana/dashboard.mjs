/**
 * The dashboard as an object, in the schema of Grafana 11.6 (newer ones migrate it when they load it). `write.mjs` writes
 * it to `dashboards/tickcast.json`, which is what Grafana reads; a test keeps the two equal.
 */
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE } from './panels/panel.mjs';
import { flow, latency, overview } from './panels/traffic.mjs';
import { connections, queues, slow } from './panels/trouble.mjs';

const ROWS = /** @type {const} */ ([
  ['Now', overview],
  ['Flow', flow],
  ['Latency', latency],
  ['Clients', connections],
  ['Slow clients and losses', slow],
  ['Queues between market and shards', queues],
]);

/** Where Grafana finds it, below this folder. */
export const FILE = new URL('./dashboards/tickcast.json', import.meta.url);

export function dashboard() {
  const instance = new QueryVariableBuilder('instance')
    .label('Instance')
    .datasource(DATASOURCE)
    .query({
      qryType: 1,
      query: 'label_values(tickcast_ready, instance)',
      refId: 'PrometheusVariableQueryEditor-VariableQuery',
    })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ selected: true, text: ['All'], value: ['$__all'] });
  const page = new DashboardBuilder('Tickcast')
    .uid('tickcast')
    .description(
      'A Tickcast server: flow, latency, clients, losses. See dashboards/grafana/README.md.',
    )
    .tags(['tickcast', 'market-data'])
    .time({ from: 'now-15m', to: 'now' })
    .refresh('5s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(instance);
  page.annotation(
    new AnnotationQueryBuilder()
      .name('Alerts')
      .datasource(DATASOURCE)
      .enable(true)
      .iconColor('red')
      .expr('ALERTS{alertstate="firing", job="tickcast", instance=~"$instance"}'),
  );
  for (const [title, panels] of ROWS) {
    page.withRow(new RowBuilder(title));
    for (const panel of panels) page.withPanel(panel);
  }
  const built = page.build();
  built.panels?.forEach((panel, place) => (panel.id = place + 1));
  return built;
}

/** The bytes of the file. */
export const text = () => `${JSON.stringify(dashboard(), null, 2)}\n`;
