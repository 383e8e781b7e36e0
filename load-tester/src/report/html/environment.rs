//! What it takes to repeat a run: machine, versions, command line, every setting; and how the figures were taken.

use maud::{Markup, html};
use serde_json::Value;

use super::number::{count, significant};
use crate::result::{Order, RunResult, TcpSource};

/// Machine, versions, command, settings.
#[must_use]
pub fn section(run: &RunResult) -> Markup {
    let machine = &run.machine;
    let unknown = || "unknown".to_owned();
    let tool = version(Some(&run.tool.version), run.tool.commit.as_ref());
    let server = version(run.server.version.as_ref(), run.server.commit.as_ref());
    let rows = [
        ("processor", machine.processor.clone()),
        ("processors used by the tester", machine.cpus.to_string()),
        ("memory", format!("{} GiB", significant(machine.memory_kib as f64 / 1_048_576.0, 3))),
        ("kernel", machine.kernel.clone()),
        ("load tester", tool.unwrap_or_else(unknown)),
        ("server", server.unwrap_or_else(unknown)),
        (
            "order of lanes",
            match run.order {
                Order::Together => "together, at the same time".to_owned(),
                Order::OneByOne => format!("one by one, drawn with seed {}", run.seed),
            },
        ),
        ("began", instant(run.started_us)),
        ("took", format!("{} s", significant((run.ended_us - run.started_us) as f64 / 1e6, 3))),
    ];
    html! {
        section {
            h2 { "To repeat it" }
            dl.facts { @for (name, value) in rows { div { dt { (name) } dd { (value) } } } }
            @if !run.command.is_empty() {
                h3 { "Command" }
                pre { code { (run.command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")) } }
            }
            @if let Some(command) = &run.server.command {
                h3 { "Server, started by the tester for each transport" }
                pre { code { (command) } }
            }
            @if let Some(settings) = run.settings.as_object() {
                h3 { "Settings" }
                dl.facts.settings { @for (name, value) in settings {
                    div { dt { (setting_name(name)) } dd { (setting(value)) } }
                } }
            }
        }
    }
}

/// How latency, staleness and bytes are measured.
#[must_use]
pub fn method(run: &RunResult) -> Markup {
    let tcp = run.lanes.iter().any(|lane| lane.bytes.tcp_source == TcpSource::TcpInfoSampled);
    html! {
        section.method {
            h2 { "How it was measured" }
            dl {
                dt { "No coordinated omission" }
                dd { "Every event bears the instant at which it was due, and latency counts from there. A server that stalls, a queue that fills or a source that is late makes the figures worse; nothing waits politely for the server, so there is nothing to correct. Polls, too, are due at fixed instants and staggered over their interval." }
                dt { "Latency and staleness" }
                dd { "Latency counts events: each once, however long the market is quiet. Staleness counts time: at every instant, how long the oldest event that the client has not got yet has been there. It is integrated exactly, not sampled. A poll every T seconds of a busy stream must show staleness that is uniform between 0 and T." }
                dt { "Percentiles" }
                dd { "They are read from whole HdrHistograms with three significant digits, never averaged. Their axis is drawn as log 1/(1 − p): each step to the right is ten times rarer, and the tail has as much room as the middle." }
                dt { "Bytes" }
                dd { "Payload, framing and HTTP headers are counted at the tester’s sockets and must add up to what the sockets read and wrote."
                    @if tcp { " TCP and IP headers are the kernel’s count of segments (TCP_INFO), 52 bytes each, of a sample of connections." } }
                dt { "Server CPU" }
                dd { "User and kernel time of the server’s process in the measured window, divided by the events that were delivered. On one machine the kernel does part of the receivers’ work in the sender’s name." }
            }
        }
    }
}

fn version(version: Option<&String>, commit: Option<&String>) -> Option<String> {
    match (version, commit) {
        (Some(version), Some(commit)) => Some(format!("{version}, commit {commit}")),
        (Some(version), None) => Some(version.clone()),
        (None, Some(commit)) => Some(format!("commit {commit}")),
        (None, None) => None,
    }
}

/// `warmup_s` as `warmup, s`: a unit at the end is set apart.
fn setting_name(name: &str) -> String {
    let units = ["_s", "_ms", "_us", "_bytes"];
    let unit =
        units.iter().find_map(|unit| Some((name.strip_suffix(unit)?, unit.trim_matches('_'))));
    let (name, unit) =
        unit.map_or((name, String::new()), |(name, unit)| (name, format!(", {unit}")));
    name.replace('_', " ") + &unit
}

fn setting(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), count),
        Value::Array(values) => values.iter().map(setting).collect::<Vec<_>>().join(", "),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    }
}

/// A word of a command line as a shell would take it.
pub fn quoted(word: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:=,@%+".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// `2026-11-21 11:02:09 UTC` of µs since the Unix epoch (civil from days, Howard Hinnant's algorithm).
#[must_use]
pub fn instant(us: i64) -> String {
    let seconds = us.div_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_calendar() {
        assert_eq!(instant(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(instant(951_782_400_000_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(instant(1_795_258_929_999_999), "2026-11-21 11:02:09 UTC");
    }

    #[test]
    fn commands_can_be_pasted() {
        assert_eq!(quoted("--slo"), "--slo");
        assert_eq!(quoted("ws-json.p99<20ms"), "'ws-json.p99<20ms'");
        assert_eq!(setting_name("connect_timeout_s"), "connect timeout, s");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
