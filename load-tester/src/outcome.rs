//! From what threads handed over to what is stored of a lane. Divides and names; measures and judges nothing.

use std::time::Duration;

use crate::breaches::BreachKind;
use crate::crew::{Ended, Used};
use crate::plan::Plan;
use crate::recorder::{Tally, WayBytes};
use crate::result::{
    Bytes, Events, GeneratorUse, Lane, LayerBytes, ServerUse, StuckClients, TcpSource,
};
use crate::transport::SEGMENT_HEADER_BYTES;

/// A lane as it is stored.
#[must_use]
pub fn lane(plan: &Plan, ended: Ended, used: &Used) -> Lane {
    let Ended { transport, ready, stuck, tally, intervals } = ended;
    let incomplete_why = if ready == 0 {
        let most = tally.failed.iter().max_by_key(|(_, count)| **count);
        Some(most.map_or("no client was subscribed".to_owned(), |(reason, _)| {
            format!("no client was subscribed: {reason}")
        }))
    } else {
        used.cut_short.clone()
    };
    let merged = &tally.merged_latency;
    let has_merged = !merged.histogram.is_empty() || merged.overflows + merged.negative > 0;
    let traffic = &tally.window;
    Lane {
        transport: transport.to_string(),
        http: transport.http_name().map(str::to_owned),
        poll_interval_ms: transport
            .poll_every()
            .map(|every| u64::try_from(every.as_millis()).unwrap_or(u64::MAX)),
        complete: incomplete_why.is_none(),
        incomplete_why,
        clients: plan.clients,
        connected: ready,
        stuck: StuckClients { asked: plan.stuck, connected: stuck },
        connect_s: used.connect_s,
        window_s: used.wall.as_secs_f64(),
        window_start_us: used.begin_us,
        latency: tally.latency.stored(),
        merged_latency: has_merged.then(|| merged.stored()),
        all_latency: tally.all_latency().stored(),
        age: tally.age.stored(),
        staleness: tally.staleness.stored(),
        events: events(&tally),
        requests: traffic.requests,
        responses: tally.responses.iter().map(|(status, n)| (status.to_string(), *n)).collect(),
        empty_responses: traffic.empty,
        missed_slots: traffic.missed_slots,
        reconnects: traffic.reconnects,
        bytes: bytes(&tally, ready),
        server_use: server_use(plan, used, &tally, ready),
        generator: GeneratorUse {
            busy: share(plan, used, used.own_cpu),
            waited: share(plan, used, used.waited),
            late_ms: tally.late_us_max as f64 / 1e3,
            threads: used.threads,
        },
        breaches: BreachKind::ALL
            .into_iter()
            .map(|kind| (kind, tally.breaches.count(kind)))
            .collect(),
        first_breaches: tally.breaches.first().to_vec(),
        unchecked: tally.breaches.unchecked,
        announced: tally.announced,
        failed: tally.failed,
        ended: tally.ended,
        unanswered: tally.unanswered,
        behind_ms_max: tally.behind_ms_max,
        intervals,
    }
}

fn events(tally: &Tally) -> Events {
    let (traffic, breaches) = (&tally.window, &tally.breaches);
    Events {
        delivered: traffic.events,
        messages: traffic.messages,
        frames: traffic.frames,
        bars: traffic.bars,
        merged_records: traffic.merged_records,
        merged_away: traffic.merged_away,
        missed_announced: tally.announced.values().map(|announced| announced.events).sum(),
        missed_unannounced: breaches.missing_events,
        repeated: breaches.count(BreachKind::Repeat),
        out_of_order: breaches.count(BreachKind::Disorder),
    }
}

fn bytes(tally: &Tally, connections: u32) -> Bytes {
    let Tally { window, segments, watched, .. } = tally;
    // Of the watched connections, for all.
    let scaled = |segments: u64| match watched {
        0 => 0,
        watched => {
            let share = f64::from(connections) / *watched as f64;
            ((segments * SEGMENT_HEADER_BYTES) as f64 * share).round() as u64
        }
    };
    let layers = |way: &WayBytes, segments| LayerBytes {
        payload: way.payload,
        framing: u64::try_from(way.framing).unwrap_or(0),
        http_headers: way.headers,
        tcp_ip: scaled(segments),
    };
    Bytes {
        down: layers(&window.down, segments.0),
        up: layers(&window.up, segments.1),
        wire_total_down: window.down.wire,
        wire_total_up: window.up.wire,
        tcp_source: if *watched > 0 { TcpSource::TcpInfoSampled } else { TcpSource::None },
    }
}

/// What the server used; nobody can say for which of several lanes it was.
fn server_use(plan: &Plan, used: &Used, tally: &Tally, clients: u32) -> Option<ServerUse> {
    if plan.lanes_at_once() > 1 {
        return None;
    }
    let [before, settled, end] = used.server;
    let (before, settled, end) = (before?, settled?, end?);
    let cpu = end.cpu.saturating_sub(settled.cpu);
    let per = |count: u64| (count > 0).then(|| cpu.as_secs_f64() * 1e6 / count as f64);
    let growth = settled.rss_kib as f64 - before.rss_kib as f64;
    Some(ServerUse {
        cpu_s: cpu.as_secs_f64(),
        cpu_us_per_event: per(tally.window.events),
        cpu_us_per_message: per(tally.window.messages),
        rss_kib_before: before.rss_kib,
        rss_kib_after: end.rss_kib,
        rss_kib_per_client: (clients > 0).then(|| growth / f64::from(clients)),
    })
}

/// A time of the tester's as a part of what the processors that its threads could have had would have given.
fn share(plan: &Plan, used: &Used, time: Duration) -> f64 {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = plan.threads.min(cpus).max(1) as f64;
    let wall_s = used.wall.as_secs_f64();
    if wall_s > 0.0 { time.as_secs_f64() / wall_s / cores } else { 0.0 }
}
