//! The harness itself, killed and interrupted in the middle of a run, with real servers: what it leaves, and who it leaves.
//! Needs Tickcast's server: `FEED_SERVER=…/feed-server cargo test --test killed -- --ignored`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const WITHIN: Duration = Duration::from_secs(60);
/// Servers inherit it, so that they are found whoever their parent is.
const MARK: &str = "PEERS_TEST_RUN";

struct Run {
    file: PathBuf,
    mark: String,
}

impl Run {
    fn new(name: &str) -> Self {
        let mark = format!("{name}-{}", std::process::id());
        Self { file: std::env::temp_dir().join(format!("peers-{mark}.json")), mark }
    }

    fn start(&self) -> Child {
        let server = std::env::var("FEED_SERVER").expect("FEED_SERVER names Tickcast's server");
        Command::new(env!("CARGO_BIN_EXE_peers"))
            .args(["--only", "tickcast,bare", "--rows", "1k", "--rounds", "2", "--window", "0.5"])
            .args(["--tickcast", &server, "--out"])
            .arg(&self.file)
            .env(MARK, &self.mark)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn kept(&self) -> Option<Value> {
        let text = std::fs::read_to_string(&self.file).ok()?;
        Some(serde_json::from_str(&text).expect("whole whenever it is read"))
    }

    fn rounds(&self) -> usize {
        self.kept().map_or(0, |kept| kept["rounds"].as_array().unwrap().len())
    }

    /// Processes of this run that are there.
    fn left(&self) -> usize {
        let marked = |folder: &Path| {
            let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
            let wanted = format!("{MARK}={}", self.mark);
            environment.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes())
        };
        let folders = std::fs::read_dir("/proc").unwrap().flatten();
        folders.filter(|entry| marked(&entry.path())).count()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
        let _ = std::fs::remove_file(self.file.with_extension("svg"));
    }
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < WITHIN, "{what} after {WITHIN:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a run with `signal` after its first measurement: its exit code, if it had one, and its working folder.
fn ended_by(run: &Run, signal: Signal) -> (Option<i32>, PathBuf) {
    let mut harness = run.start();
    wait_for("nothing measured", || run.rounds() > 0);
    assert!(run.left() > 0, "the mark is not found where it must be");
    kill_process(Pid::from_child(&harness), signal).unwrap();
    let work = std::env::temp_dir().join(format!("tickcast-peers-{}", harness.id()));
    assert!(work.exists());
    let status = harness.wait().unwrap();
    wait_for("servers are left", || run.left() == 0);
    let kept = run.kept().unwrap();
    assert_eq!(kept["complete"], false);
    let servers = &kept["unfinished"]["1k"]["servers"];
    assert!(servers.as_array().is_some_and(|servers| !servers.is_empty()), "{servers}");
    (status.code(), work)
}

#[test]
#[ignore = "runs real servers for half a minute; FEED_SERVER must name Tickcast's"]
fn a_killed_run_leaves_its_measurements_and_no_server_and_the_next_one_completes_it() {
    let run = Run::new("killed");
    let (code, work) = ended_by(&run, Signal::KILL);
    assert_eq!(code, None);
    std::fs::remove_dir_all(work).unwrap();
    let before = run.kept().unwrap()["rounds"].clone();
    let status = run.start().wait().unwrap();
    assert!(matches!(status.code(), Some(0 | 3)), "{status}");
    let after = run.kept().unwrap();
    assert_eq!(after["complete"], true);
    for (old, new) in before.as_array().unwrap().iter().zip(after["rounds"].as_array().unwrap()) {
        assert_eq!(old, new);
    }
    // At most the half round is measured again.
    assert!((4..=5).contains(&run.rounds()), "{}", run.rounds());
}

#[test]
#[ignore = "runs real servers for half a minute; FEED_SERVER must name Tickcast's"]
fn an_interrupted_run_ends_in_order() {
    let run = Run::new("interrupted");
    let (code, work) = ended_by(&run, Signal::INT);
    assert_eq!(code, Some(130));
    assert!(!work.exists(), "{} is left", work.display());
}
