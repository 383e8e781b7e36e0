//! Metrics in the OpenMetrics text format. Counters live with those who count; here they are only added up and named.
//! Names follow Prometheus' rules: one prefix, base units, labels with few values (never a symbol or a client).

use std::fmt::Debug;

use hdrhistogram::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::runtime::wall_us;
use crate::server::Shared;
use crate::shard::counters::{Answered, Count, Counters, PUBLISH_TO_WRITE_BOUNDS_US, Transport};

/// Media type of [`render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds (µs) of the source-lateness histogram's buckets.
const LATENESS_BOUNDS_US: [u64; 12] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 100_000, 1_000_000, 10_000_000];

/// A source's own lateness.
pub trait Lateness: Debug + Send + Sync {
    /// Lateness of every tick so far, µs.
    fn snapshot(&self) -> Histogram<u64>;
}

/// Everything, as text.
#[must_use]
pub fn render(shared: &Shared) -> String {
    let mut registry = Registry::with_prefix("tickcast");
    // A collector must be 'static; what it shows is taken here.
    registry.register_collector(Box::new(Sample::take(shared)));
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        tracing::error!("metrics could not be written");
    }
    text
}

#[derive(Debug)]
struct Sample {
    counters: Vec<(&'static str, &'static str, Vec<Labelled>)>,
    gauges: Vec<(&'static str, &'static str, Vec<Labelled>)>,
    publish_to_write: Buckets,
    lateness: Option<Buckets>,
    seconds: Vec<(&'static str, &'static str, f64)>,
}

/// One counter of a shard's.
type Pick = fn(&Counters) -> &Count;

type Labelled = (Vec<(&'static str, String)>, u64);

#[derive(Debug)]
struct Buckets {
    sum_seconds: f64,
    count: u64,
    buckets: Vec<(f64, u64)>,
}

impl Sample {
    fn take(shared: &Shared) -> Self {
        let sum = |pick: Pick| -> Vec<Labelled> {
            vec![(vec![], shared.counters.iter().map(|counters| pick(counters).get()).sum())]
        };
        let by = |label: &'static str, values: &[(&str, Pick)]| {
            let labelled = |(value, pick): &(&str, Pick)| {
                let total = shared.counters.iter().map(|counters| pick(counters).get()).sum();
                (vec![(label, (*value).to_owned())], total)
            };
            values.iter().map(labelled).collect::<Vec<Labelled>>()
        };
        let by_transport = |value: &dyn Fn(&Counters, Transport) -> u64| -> Vec<Labelled> {
            let labelled = |transport: Transport| {
                let total = shared.counters.iter().map(|c| value(c, transport)).sum();
                (vec![("transport", transport.as_str().to_owned())], total)
            };
            Transport::ALL.into_iter().map(labelled).collect()
        };
        let by_shard = |value: &dyn Fn(usize) -> u64| -> Vec<Labelled> {
            let shards = 0..shared.queues.len();
            shards.map(|shard| (vec![("shard", shard.to_string())], value(shard))).collect()
        };
        let counters = vec![
            (
                "market_events",
                "Events numbered by the market",
                vec![(vec![], shared.market.head())],
            ),
            ("shard_events", "Events taken out of the queues, all shards", sum(|c| &c.events)),
            (
                "queue_overwrites",
                "Events overwritten in a full queue",
                by_shard(&|s| shared.queues[s].overwritten()),
            ),
            (
                "recovered_events",
                "Overwritten events fetched from history and merged",
                sum(|c| &c.events_recovered),
            ),
            (
                "messages_sent",
                "Data messages sent, by transport",
                by_transport(&|c, transport| c.messages(transport).get()),
            ),
            (
                "sent_bytes",
                "Bytes handed over, by transport: of WebSockets with their headers, of the others the bodies",
                by_transport(&|c, transport| c.bytes(transport).get()),
            ),
            ("polls", "Polls answered, by transport and what with", polls(shared)),
            ("writes", "Writes to sockets", sum(|c| &c.writes)),
            ("merged_events", "Events merged away, a connection", sum(|c| &c.merged)),
            (
                "gaps",
                "Gaps announced, by cause",
                by(
                    "why",
                    &[
                        ("history", |c| &c.gaps_history),
                        ("slow", |c| &c.gaps_slow),
                        ("overflow", |c| &c.gaps_overflow),
                    ],
                ),
            ),
            (
                "connections_opened",
                "Connections taken, by transport; each long poll that waited is one",
                by_transport(&|c, transport| c.connections_total(transport).get()),
            ),
            (
                "connections_closed",
                "WebSocket connections closed by the server, by code",
                closed(shared),
            ),
            ("fell_behind", "Times a connection did not take a write", sum(|c| &c.fell_behind)),
            (
                "requests",
                "Requests carried out or refused",
                by("result", &[("done", |c| &c.requests), ("refused", |c| &c.requests_refused)]),
            ),
        ];
        let gauges = vec![
            (
                "connections",
                "Connections open, by transport; a long poll is one while it waits",
                by_transport(&|c, transport| c.connections(transport).get()),
            ),
            (
                "slow_connections",
                "Connections with bytes that wait for their socket",
                sum(|c| &c.slow_connections),
            ),
            (
                "sockets",
                "Sockets open, plain HTTP included",
                vec![(vec![], shared.sockets.open() as u64)],
            ),
            ("audiences", "Groups of connections with equal subscriptions", sum(|c| &c.audiences)),
            (
                "queue_depth",
                "Events that wait for a shard",
                by_shard(&|s| shared.queues[s].depth() as u64),
            ),
            ("symbols", "Symbols there are", vec![(vec![], shared.market.universe().len() as u64)]),
            (
                "ready",
                "Whether /readyz says so",
                vec![(vec![], u64::from(shared.not_ready().is_none()))],
            ),
        ];
        let age_us = shared.market.source_age_us(wall_us());
        Self {
            counters,
            gauges,
            publish_to_write: publish_to_write(shared),
            lateness: shared.lateness.as_ref().map(|source| lateness(&source.snapshot())),
            seconds: vec![(
                "source_age",
                "Time since the source was heard of",
                age_us as f64 / 1e6,
            )],
        }
    }
}

fn closed(shared: &Shared) -> Vec<Labelled> {
    let mut totals: Vec<(Option<u16>, u64)> = Vec::new();
    for counters in &shared.counters {
        for (place, (code, count)) in counters.closed().enumerate() {
            match totals.get_mut(place) {
                Some(total) => total.1 += count,
                None => totals.push((code, count)),
            }
        }
    }
    let name = |code: Option<u16>| code.map_or_else(|| "other".to_owned(), |c| c.to_string());
    totals.into_iter().map(|(code, count)| (vec![("code", name(code))], count)).collect()
}

fn polls(shared: &Shared) -> Vec<Labelled> {
    let kinds = [Transport::Poll, Transport::LongPoll].into_iter();
    let kinds = kinds.flat_map(|transport| Answered::ALL.map(|answered| (transport, answered)));
    kinds
        .map(|(transport, answered)| {
            let counts = shared.counters.iter().map(|c| c.answers(transport, answered).get());
            let labels = vec![
                ("transport", transport.as_str().to_owned()),
                ("result", answered.as_str().to_owned()),
            ];
            (labels, counts.sum())
        })
        .collect()
}

fn publish_to_write(shared: &Shared) -> Buckets {
    let bounds = PUBLISH_TO_WRITE_BOUNDS_US.iter().map(|us| *us as f64 / 1e6).chain([f64::MAX]);
    let buckets: Vec<_> = bounds
        .enumerate()
        .map(|(place, bound)| {
            let counts = shared.counters.iter().map(|c| c.publish_to_write[place].get());
            (bound, counts.sum())
        })
        .collect();
    let sum_us: u64 = shared.counters.iter().map(|c| c.publish_to_write_sum_us.get()).sum();
    let count = buckets.iter().map(|(_, count)| count).sum();
    Buckets { sum_seconds: sum_us as f64 / 1e6, count, buckets }
}

fn lateness(histogram: &Histogram<u64>) -> Buckets {
    let mut below = 0;
    let mut buckets: Vec<(f64, u64)> = LATENESS_BOUNDS_US
        .iter()
        .map(|&bound_us| {
            let upto = histogram.count_between(0, bound_us);
            let inside = upto - below;
            below = upto;
            (bound_us as f64 / 1e6, inside)
        })
        .collect();
    buckets.push((f64::MAX, histogram.len() - below));
    let sum_seconds = histogram.mean() * histogram.len() as f64 / 1e6;
    Buckets { sum_seconds, count: histogram.len(), buckets }
}

impl Collector for Sample {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, values) in &self.counters {
            let kind = MetricType::Counter;
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            for (label, value) in values {
                if label.is_empty() {
                    metric.encode_counter::<NoLabelSet, _, u64>(value, None)?;
                } else {
                    let mut family = metric.encode_family(label)?;
                    family.encode_counter::<NoLabelSet, _, u64>(value, None)?;
                }
            }
        }
        for (name, help, values) in &self.gauges {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (label, value) in values {
                if label.is_empty() {
                    metric.encode_gauge(value)?;
                } else {
                    metric.encode_family(label)?.encode_gauge(value)?;
                }
            }
        }
        for (name, help, value) in &self.seconds {
            encoder
                .encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Gauge)?
                .encode_gauge(value)?;
        }
        let histograms = [
            (
                "publish_to_write",
                "From the market to the last socket of a batch, an event and shard",
                Some(&self.publish_to_write),
            ),
            (
                "source_lateness",
                "How long after its scheduled time the source handed an event over",
                self.lateness.as_ref(),
            ),
        ];
        for (name, help, buckets) in histograms {
            let Some(Buckets { sum_seconds, count, buckets }) = buckets else { continue };
            let unit = Some(&Unit::Seconds);
            encoder
                .encode_descriptor(name, help, unit, MetricType::Histogram)?
                .encode_histogram::<NoLabelSet>(*sum_seconds, *count, buckets, None)?;
        }
        Ok(())
    }
}
