/** Rows of what goes through the server: the state at a glance, the flow of events, messages and bytes, and their latency. */
import { heatmap, lines, number, ON } from './panel.mjs';

/** @param {string} metric @param {string} [labels] */
const rate = (metric, labels = '') => `rate(${metric}{${ON}${labels}}[$__rate_interval])`;
/** @param {string} metric @param {number} quantile */
const quantile = (metric, quantile) =>
  `histogram_quantile(${quantile}, sum by (le) (${rate(`${metric}_bucket`)}))`;

const WRITE = 'tickcast_publish_to_write_seconds';
const LATE = 'tickcast_source_lateness_seconds';

export const overview = [
  number(
    'Ready',
    'The worst instance: 1 when /readyz says so, 0 while it drains or its source is silent.',
    {
      unit: 'none',
      steps: [
        [null, 'red'],
        [1, 'green'],
      ],
    },
    `min(tickcast_ready{${ON}})`,
  ),
  number(
    'Source heard of',
    'How long ago, at the worst instance. Beyond 5 s the server is not ready.',
    {
      unit: 's',
      steps: [
        [null, 'green'],
        [2, 'orange'],
        [5, 'red'],
      ],
    },
    `max(tickcast_source_age_seconds{${ON}})`,
  ),
  number(
    'Connections',
    'Open now, long polls that wait included.',
    { unit: 'short' },
    `sum(tickcast_connections{${ON}})`,
  ),
  number(
    'Events',
    'Numbered by the market.',
    { unit: 'cps' },
    `sum(${rate('tickcast_market_events_total')})`,
  ),
  number(
    'Messages',
    'Data messages sent to clients.',
    { unit: 'cps' },
    `sum(${rate('tickcast_messages_sent_total')})`,
  ),
  number(
    'Bytes',
    'Handed to sockets.',
    { unit: 'Bps' },
    `sum(${rate('tickcast_sent_bytes_total')})`,
  ),
  number(
    'Publish to write, p99',
    'From the market to the last socket of a batch. The alert is at 250 ms.',
    {
      unit: 's',
      steps: [
        [null, 'green'],
        [0.1, 'orange'],
        [0.25, 'red'],
      ],
    },
    quantile(WRITE, 0.99),
  ),
  number(
    'Gaps in the time shown',
    'Holes that clients were told of. 0 is what one wants.',
    {
      unit: 'short',
      steps: [
        [null, 'green'],
        [1, 'orange'],
      ],
    },
    `sum(increase(tickcast_gaps_total{${ON}}[$__range]))`,
  ),
];

export const flow = [
  lines(
    'Events of the market',
    'What the source delivered. Falls to 0 with a silent source.',
    { unit: 'cps' },
    [`sum by (instance) (${rate('tickcast_market_events_total')})`, '{{instance}}'],
  ),
  lines(
    'Messages sent, by transport',
    'Several events may leave as one merged message, and one event goes to every subscriber.',
    { unit: 'cps', stacked: true },
    [`sum by (transport) (${rate('tickcast_messages_sent_total')})`, '{{transport}}'],
  ),
  lines(
    'Bytes handed over, by transport',
    'WebSockets with their frame headers; of the others the bodies. TCP and TLS come on top.',
    { unit: 'Bps', stacked: true },
    [`sum by (transport) (${rate('tickcast_sent_bytes_total')})`, '{{transport}}'],
  ),
  lines(
    'Bytes a message, by transport',
    'What a price costs on the wire. A transport that sent nothing has no line.',
    { unit: 'bytes' },
    [
      `sum by (transport) (${rate('tickcast_sent_bytes_total')}) / (sum by (transport) (${rate('tickcast_messages_sent_total')}) > 0)`,
      '{{transport}}',
    ],
  ),
  lines(
    'Fan-out and batching',
    'Messages sent an event of the market, and messages that share one write. Writes cost CPU time, messages nearly none: under load the second line should rise.',
    { unit: 'short' },
    [
      `sum(${rate('tickcast_messages_sent_total')}) / sum(${rate('tickcast_market_events_total')})`,
      'messages an event',
    ],
    [
      `sum(${rate('tickcast_messages_sent_total')}) / (sum(${rate('tickcast_writes_total')}) > 0)`,
      'messages a write',
    ],
  ),
  lines(
    'Polls, by answer',
    'Those that are answered empty or with 304 are what polling costs without telling anything.',
    { unit: 'reqps', stacked: true },
    [`sum by (transport, result) (${rate('tickcast_polls_total')})`, '{{transport}} {{result}}'],
  ),
];

export const latency = [
  lines(
    'Publish to write',
    'From the market to the last socket of a batch, an event and shard. Values above 10 s are shown as 10 s.',
    {
      unit: 's',
      log: true,
      steps: [
        [null, 'transparent'],
        [0.25, 'red'],
      ],
    },
    [quantile(WRITE, 0.5), 'p50'],
    [quantile(WRITE, 0.9), 'p90'],
    [quantile(WRITE, 0.99), 'p99'],
    [quantile(WRITE, 0.999), 'p99.9'],
  ),
  heatmap(
    'Publish to write, all of it',
    'Each column is one moment; two bands are two kinds of batches, usually with and without slow sockets.',
    { unit: 's' },
    `sum by (le) (increase(${WRITE}_bucket{${ON}}[$__rate_interval]))`,
  ),
  lines(
    'Lateness of the source',
    'How long after its scheduled time the source handed an event over: no fault of the shards, but in the clients’ latency.',
    { unit: 's', log: true },
    [quantile(LATE, 0.5), 'p50'],
    [quantile(LATE, 0.99), 'p99'],
  ),
];
