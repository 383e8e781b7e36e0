/** Rows of those who are served and of what goes wrong: connections, slow clients, merges, gaps, full queues. */
import { lines, ON } from './panel.mjs';

/** @param {string} metric @param {string} [labels] */
const rate = (metric, labels = '') => `rate(${metric}{${ON}${labels}}[$__rate_interval])`;

export const connections = [
  lines(
    'Connections, by transport',
    'Open now. A long poll is one while it waits.',
    { unit: 'short', stacked: true },
    [`sum by (transport) (tickcast_connections{${ON}})`, '{{transport}}'],
  ),
  lines(
    'Connections taken, by transport',
    'A rise without a rise in open connections is clients that come back again and again.',
    { unit: 'cps' },
    [`sum by (transport) (${rate('tickcast_connections_opened_total')})`, '{{transport}}'],
  ),
  lines(
    'WebSockets closed by the server, by code',
    '1000 done, 1012 restart; 1002 to 1009 the client broke the protocol; 1011 our fault; 4100 too many requests, 4101 too slow, 4102 no pong, 4103 too many connections.',
    { unit: 'cps', stacked: true },
    [`sum by (code) (${rate('tickcast_connections_closed_total')})`, '{{code}}'],
  ),
  lines(
    'Sockets and audiences',
    'Sockets include plain HTTP. Connections of one audience share their encoded bytes: few audiences are cheap.',
    { unit: 'short' },
    [`sum(tickcast_sockets{${ON}})`, 'sockets'],
    [`sum(tickcast_audiences{${ON}})`, 'audiences'],
  ),
  lines(
    'Requests on connections',
    'Subscribe, unsubscribe, list, ping. Refused ones were answered with an error.',
    { unit: 'reqps', stacked: true },
    [`sum by (result) (${rate('tickcast_requests_total')})`, '{{result}}'],
  ),
  lines('Symbols', 'Known to the instance.', { unit: 'short' }, [
    `tickcast_symbols{${ON}}`,
    '{{instance}}',
  ]),
];

export const slow = [
  lines(
    'Slow clients',
    'Share of connections with bytes that wait for their socket. Above 5 % for 5 minutes there is an alert: look for a common network, then for the machine’s own limit.',
    {
      unit: 'percentunit',
      steps: [
        [null, 'transparent'],
        [0.05, 'red'],
      ],
    },
    [
      `sum by (instance) (tickcast_slow_connections{${ON}}) / clamp_min(sum by (instance) (tickcast_connections{${ON}}), 1)`,
      '{{instance}}',
    ],
  ),
  lines(
    'Falling behind and merging',
    'Times a connection did not take a write, and events merged away for those connections (bars stay exact).',
    { unit: 'cps' },
    [`sum(${rate('tickcast_fell_behind_total')})`, 'fell behind'],
    [`sum(${rate('tickcast_merged_events_total')})`, 'events merged'],
  ),
  lines(
    'Gaps announced, by cause',
    'history: the client came back too late (--history-memory); slow: over 64 seconds behind; overflow: the shard lost events (--queue-events, --shards).',
    { unit: 'cps', stacked: true },
    [`sum by (why) (${rate('tickcast_gaps_total')})`, '{{why}}'],
  ),
];

export const queues = [
  lines(
    'Queue depth, by shard',
    'Events that wait for a shard. It fills when a shard has no CPU time left.',
    { unit: 'short' },
    [`max by (instance, shard) (tickcast_queue_depth{${ON}})`, '{{instance}} {{shard}}'],
  ),
  lines(
    'Overwritten in full queues, by shard',
    'Each is fetched again from history and merged, or becomes a gap. Anything but 0 says that the machine is too small for its load.',
    { unit: 'cps' },
    [
      `sum by (instance, shard) (${rate('tickcast_queue_overwrites_total')})`,
      '{{instance}} {{shard}}',
    ],
  ),
  lines(
    'Taken from queues, and fetched again',
    'Events that the shards took, all together, and overwritten ones that were fetched from history.',
    { unit: 'cps' },
    [`sum(${rate('tickcast_shard_events_total')})`, 'taken'],
    [`sum(${rate('tickcast_recovered_events_total')})`, 'fetched again'],
  ),
];
