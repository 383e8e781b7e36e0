//! Whether two runs may be compared: the same machine, the same settings, valid figures. Names each thing that differs, so
//! that whoever compares them all the same knows what else may be behind a difference.

use serde::Serialize;
use serde_json::Value;

use crate::result::{RunResult, Verdict};

/// Settings that say where the server is, not what was asked of it.
const WHERE: [&str; 6] = ["url", "urls", "server_pid", "admin_url", "spawn", "pin_server"];

/// Why a difference of conditions matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The figures of one of them may not be used at all.
    Invalid,
    /// Another machine has other figures.
    Machine,
    /// Something else was asked for.
    Settings,
    /// What is compared, most likely: another server, or one that was started otherwise.
    Server,
}

/// Something that is not the same in both runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Why it matters.
    pub weight: Weight,
    /// What.
    pub name: String,
    /// In the first run.
    pub a: String,
    /// In the second.
    pub b: String,
}

/// Everything that differs.
#[must_use]
pub fn differing(a: &RunResult, b: &RunResult) -> Vec<Condition> {
    let mut all = Vec::new();
    let mut note = |weight, name: &str, a: String, b: String| {
        if a != b {
            all.push(Condition { weight, name: name.to_owned(), a, b });
        }
    };
    let validity = |run: &RunResult| match run.verdict {
        Verdict::Invalid => "INVALID",
        Verdict::Incomplete => "incomplete",
        Verdict::Ok | Verdict::Broken | Verdict::SloBroken => "valid",
    };
    note(Weight::Machine, "host", a.machine.hostname_hash.clone(), b.machine.hostname_hash.clone());
    note(Weight::Machine, "processor", a.machine.processor.clone(), b.machine.processor.clone());
    note(Weight::Machine, "processors", a.machine.cpus.to_string(), b.machine.cpus.to_string());
    note(Weight::Machine, "kernel", a.machine.kernel.clone(), b.machine.kernel.clone());
    let order = |run: &RunResult| plain(&serde_json::json!(run.order));
    note(Weight::Settings, "order", order(a), order(b));
    note(Weight::Settings, "seed", a.seed.to_string(), b.seed.to_string());
    let empty = serde_json::Map::new();
    let in_a = a.settings.as_object().unwrap_or(&empty);
    let in_b = b.settings.as_object().unwrap_or(&empty);
    let mut names: Vec<_> = in_a.keys().chain(in_b.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names.into_iter().filter(|name| !WHERE.contains(&name.as_str())) {
        let text = |settings: &serde_json::Map<String, Value>| {
            settings.get(name).map_or("not set".to_owned(), plain)
        };
        note(Weight::Settings, name, text(in_a), text(in_b));
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    note(Weight::Server, "server's version", text(&a.server.version), text(&b.server.version));
    note(Weight::Server, "server's commit", text(&a.server.commit), text(&b.server.commit));
    note(Weight::Server, "server's command", text(&a.server.command), text(&b.server.command));
    let (of_a, of_b) = (validity(a).to_owned(), validity(b).to_owned());
    if [&of_a, &of_b].iter().any(|one| *one != "valid") {
        let name = "verdict".to_owned();
        all.insert(0, Condition { weight: Weight::Invalid, name, a: of_a, b: of_b });
    }
    all
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
