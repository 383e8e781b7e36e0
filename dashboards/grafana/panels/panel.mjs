/**
 * The kinds of panels that the dashboard is made of, in one look: lines over time, one number, a heatmap. Titles say what
 * is drawn, descriptions what to do about it. Knows no metric; the rows beside it do.
 */
import * as common from '@grafana/grafana-foundation-sdk/common';
import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmaps from '@grafana/grafana-foundation-sdk/heatmap';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** Provisioned under this uid (provisioning/datasources), so that no reference has to be filled in by hand. */
export const DATASOURCE = { type: 'prometheus', uid: 'tickcast-prometheus' };

/** The label selector of every query: the instances chosen at the top of the page. */
export const ON = 'instance=~"$instance"';

/** Columns of Grafana's grid. */
const COLUMNS = 24;
const LINES_HEIGHT = 8;
const NUMBER_HEIGHT = 4;

/** @typedef {[expr: string, legend: string]} Query PromQL, and the name of its series (`{{label}}` is filled in). */
/** @typedef {{ unit: string, per?: number, stacked?: boolean, log?: boolean, max?: number, steps?: Step[] }} Look `per`: panels beside each other in a row */
/** @typedef {[from: number | null, color: string]} Step From this value on (null: from the bottom) it is painted so. */

/** @param {Query[]} queries @param {{ instant?: boolean, heatmap?: boolean }} [how] */
function targets(queries, how = {}) {
  return queries.map(([expr, legend], place) => {
    const target = new prometheus.DataqueryBuilder()
      .datasource(DATASOURCE)
      .expr(expr)
      .legendFormat(legend)
      .refId(String.fromCharCode(65 + place));
    if (how.heatmap) target.format(prometheus.PromQueryFormat.Heatmap);
    return how.instant ? target.instant() : target.range();
  });
}

/** @param {Step[]} steps */
function thresholds(steps) {
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps(steps.map(([value, color]) => ({ value, color })));
}

/**
 * Lines over time.
 * @param {string} title @param {string} description @param {Look} look @param {Query[]} queries
 */
export function lines(title, description, look, ...queries) {
  const panel = new timeseries.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .targets(targets(queries))
    .unit(look.unit)
    .min(0)
    .height(LINES_HEIGHT)
    .span(COLUMNS / (look.per ?? 3))
    .lineWidth(1)
    .fillOpacity(look.stacked ? 30 : 8)
    .showPoints(common.VisibilityMode.Never)
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    )
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .calcs([]),
    );
  if (look.max !== undefined) panel.max(look.max);
  if (look.stacked) {
    panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));
  }
  if (look.log) {
    const scale = new common.ScaleDistributionConfigBuilder();
    panel.scaleDistribution(scale.type(common.ScaleDistribution.Log).log(10));
  }
  if (look.steps) {
    const line = new common.GraphThresholdsStyleConfigBuilder();
    panel.thresholds(thresholds(look.steps));
    panel.thresholdsStyle(line.mode(common.GraphThresholdsStyleMode.Dashed));
  }
  return panel;
}

/**
 * The value now, with its course behind it.
 * @param {string} title @param {string} description @param {Look} look @param {string} expr
 */
export function number(title, description, look, expr) {
  return new stat.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .targets(targets([[expr, '']]))
    .unit(look.unit)
    .height(NUMBER_HEIGHT)
    .span(COLUMNS / (look.per ?? 8))
    .graphMode(common.BigValueGraphMode.Area)
    .colorMode(common.BigValueColorMode.Value)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .thresholds(thresholds(look.steps ?? [[null, 'blue']]));
}

/**
 * A histogram's buckets over time.
 * @param {string} title @param {string} description @param {Look} look @param {string} expr by `le`
 */
export function heatmap(title, description, look, expr) {
  return new heatmaps.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .targets(targets([[expr, '{{le}}']], { heatmap: true }))
    .height(LINES_HEIGHT)
    .span(COLUMNS / (look.per ?? 3))
    .calculate(false)
    .yAxis(new heatmaps.YAxisConfigBuilder().unit(look.unit))
    .color(
      new heatmaps.HeatmapColorOptionsBuilder()
        .mode(heatmaps.HeatmapColorMode.Scheme)
        .scheme('Viridis')
        .steps(64),
    );
}
