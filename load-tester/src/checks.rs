//! Validity: whether the figures are those of what was asked for. Each check has a name and says its figure and its
//! limit, passed or not, so that nobody has to take a verdict on trust.

use std::time::Duration;

use crate::crew::Used;
use crate::plan::Plan;
use crate::result::{Check, GeneratorUse, Lane, LayerBytes};

/// Part of a direction's bytes by which its layers may differ from what went through the sockets …
const BYTES_OFF: f64 = 0.01;
/// … and bytes a connection besides: what was read but not yet handed up when the window ended. An answer is read whole.
const READ_AHEAD: u64 = 4096;
const READ_AHEAD_ANSWERS: u64 = 64;
/// The source's lateness, of which 99 % must be within this, seconds.
const SOURCE_LATE_S: f64 = 0.01;

fn check(name: &str, lane: &Option<String>, ok: bool, detail: String) -> Check {
    Check { name: name.to_owned(), lane: lane.clone(), ok, detail }
}

/// All checks of a lane's own figures.
#[must_use]
pub fn lane(plan: &Plan, lane: &Lane, used: &Used) -> Vec<Check> {
    let name = Some(lane.transport.clone());
    let check = |what: &str, ok: bool, detail: String| check(what, &name, ok, detail);
    let ended: u64 = lane.ended.values().sum();
    let negative: u64 = lane.all_latency.negative;
    let mut checks = vec![
        check(
            "connected",
            lane.connected >= lane.clients,
            format!("{} of {} clients were subscribed", lane.connected, lane.clients),
        ),
        check("kept", ended == 0, format!("{ended} connections ended before the run did")),
        check(
            "came",
            lane.events.messages > 0,
            format!("{} messages came in the measured window", lane.events.messages),
        ),
        check(
            "window",
            used.wall.as_secs_f64() >= plan.measure.as_secs_f64() * 0.99,
            format!("{:.1} of {:.1} s were measured", lane.window_s, plan.measure.as_secs_f64()),
        ),
        check(
            "latency",
            negative == 0,
            if negative == 0 {
                "no event came before its `ts`".to_owned()
            } else {
                format!(
                    "{negative} events came before their `ts`, up to {} µs: the clocks differ, or the server stamps the future",
                    lane.all_latency.lowest_us.unsigned_abs()
                )
            },
        ),
        generator(&lane.generator, plan.busy_max, &name),
        check(
            "threads",
            used.threads_lost == 0,
            format!("{} of {} threads ended badly", used.threads_lost, used.threads),
        ),
        bytes(lane, "bytes down", &lane.bytes.down, lane.bytes.wire_total_down),
        bytes(lane, "bytes up", &lane.bytes.up, lane.bytes.wire_total_up),
    ];
    if lane.stuck.asked > 0 {
        let (asked, there) = (lane.stuck.asked, lane.stuck.connected);
        let detail = format!("{there} of {asked} clients that never read were there");
        checks.push(check("stuck", there >= asked, detail));
    }
    checks
}

/// Whether the tester was out of its own way: a client that waits for a processor reads late as one that is busy does.
fn generator(used: &GeneratorUse, busy_max: f64, lane: &Option<String>) -> Check {
    let GeneratorUse { busy, waited, .. } = used;
    let detail = format!(
        "the tester used {:.0} % of its processors and waited for them {:.0} % of the time, together at most {:.0} % may be: above that its own queueing is in the latencies",
        busy * 100.0,
        waited * 100.0,
        busy_max * 100.0
    );
    check("generator", lane, busy + waited <= busy_max, detail)
}

/// Layers that were counted one by one against what the sockets counted.
fn bytes(lane: &Lane, what: &str, layers: &LayerBytes, wire: u64) -> Check {
    let sum = layers.above_tcp();
    let ahead =
        if lane.requests > 0 || what == "bytes up" { READ_AHEAD_ANSWERS } else { READ_AHEAD };
    let allowed = wire as f64 * BYTES_OFF + (u64::from(lane.connected) * ahead) as f64;
    let off = sum.abs_diff(wire);
    check(
        what,
        &Some(lane.transport.clone()),
        off as f64 <= allowed,
        format!("layers add up to {sum}, sockets saw {wire}: {off} apart, {allowed:.0} may be"),
    )
}

/// Whether the server still answered when the window was over.
#[must_use]
pub fn answers(answered: Result<Duration, String>, lane: &Option<String>) -> Check {
    let (ok, detail) = match answered {
        Ok(took) => (
            true,
            format!(
                "the server answered in {:.1} ms when the window was over",
                took.as_secs_f64() * 1e3
            ),
        ),
        Err(why) => (false, format!("the server did not answer when the window was over: {why}")),
    };
    check("server", lane, ok, detail)
}

/// Whether the source kept its schedule: what it adds is in every latency.
#[must_use]
pub fn source(p99_s: f64, lane: &Option<String>) -> Check {
    let ms = |s: f64| s * 1e3;
    check(
        "source",
        lane,
        p99_s <= SOURCE_LATE_S,
        format!(
            "99 % of the events left their source at most {} ms late, {} ms may be",
            ms(p99_s),
            ms(SOURCE_LATE_S)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tester_that_works_or_waits_too_much_is_in_its_own_figures() {
        for (busy, waited, ok) in [
            (0.0, 0.0, true),
            (0.3, 0.3, true),
            (0.75, 0.0, false),
            (0.0, 0.75, false),
            (0.4, 0.4, false),
        ] {
            let used = GeneratorUse { busy, waited, ..GeneratorUse::default() };
            let check = generator(&used, 0.7, &None);
            assert_eq!((check.name.as_str(), check.ok), ("generator", ok), "{}", check.detail);
        }
    }
}
