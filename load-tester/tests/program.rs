//! The program itself: what it says, what it exits with, and which files it leaves, when things go wrong.

mod server;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use load_tester::result::{RunResult, Verdict};
use rustix::process::{Pid, Signal, kill_process};
use server::FeedServer;

/// Tests share their processors with other tests: they may have to wait for them.
const QUICK: [&str; 8] =
    ["--clients", "3", "--for", "500ms", "--generator-max", "100", "--warmup", "0"];

fn load_tester(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_load-tester"));
    command.arg("run").args(arguments);
    command
}

fn finished(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = load_tester(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A file that is not there, in a folder of this test's own.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("program");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    let _ = std::fs::remove_file(&path);
    path
}

fn stored(path: &PathBuf) -> RunResult {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn server() -> FeedServer {
    FeedServer::start(&["--symbols", "10", "--rate", "200", "--trades-only"])
}

#[test]
fn what_cannot_begin_exits_with_2_and_says_what_to_do() {
    let server = server();
    let (url, wrong_path) = (server.url.as_str(), format!("{}nowhere/", server.url));
    let gone = file("gone.json");
    let gone = gone.to_str().unwrap();
    for (arguments, says) in [
        (&["--url", "http://127.0.0.1:1/"][..], "is it running, and is --url right?"),
        (&["--url", "127.0.0.1:8080"], "give one like ws://127.0.0.1:8080/v1/ws"),
        (&["--url", "http://no.such.host.invalid/"], "cannot find the host"),
        (&["--url", "http://192.0.2.1/"], "--allow-remote"),
        (&["--url", wrong_path.as_str()], "is --url that of a feed server?"),
        (&["--url", url, "--symbols", "NOPE"], "no symbol NOPE"),
        (&["--url", url, "--transport", "polling"], "there are ws-json"),
        (&["--url", url, "--slo", "ws-json.p99<"], "^"),
        (&["--url", url, "--slo", "p99<-5ms"], "can never be met"),
        (&["--url", url, "--out", "/no/such/folder/run.json"], "cannot write /no/such/folder"),
        (&["--url", "http://127.0.0.1:1/", "--out", gone], "cannot reach"),
        (&["--url", url, "--server-pid", "999999999"], "there is no process"),
        (&["--spawn", "/no/such/program"], "cannot start `/no/such/program`"),
        (&["--url", url, "--warmup", "2d"], "is no time"),
    ] {
        let (code, stdout, stderr) = finished(&[arguments, &QUICK[..6]].concat()[..]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(says), "{arguments:?} should say `{says}`: {stderr}");
    }
    assert!(!PathBuf::from(gone).exists(), "a run that did not begin left a file");
}

#[test]
fn a_run_that_does_not_begin_destroys_no_result() {
    let path = file("kept.json");
    std::fs::write(&path, "an earlier result").unwrap();
    let out = path.to_str().unwrap();
    let (code, ..) = finished(&["--url", "http://127.0.0.1:1/", "--out", out]);
    assert_eq!((code, std::fs::read_to_string(&path).unwrap()), (2, "an earlier result".into()));
}

#[test]
fn objectives_decide_between_0_and_3() {
    let server = server();
    let path = file("slo.json");
    let out = path.to_str().unwrap();
    let run = |slo: &str| {
        finished(&[&["--url", &server.url, "--out", out, "--slo", slo], &QUICK[..]].concat())
    };
    let (code, stdout, stderr) = run("p99<60s");
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("p99<60s on ws-json: kept"), "{stdout}");
    let result = stored(&path);
    assert_eq!((result.verdict, result.slos[0].ok), (Verdict::Ok, true));
    assert_eq!(result.command[1], "run");
    let (code, stdout, _) = run("max<=1us");
    assert_eq!(code, 3, "{stdout}");
    assert!(stdout.contains("BROKEN") && stored(&path).verdict == Verdict::SloBroken, "{stdout}");
}

#[test]
fn the_old_way_of_asking_still_works() {
    let server = server();
    let path = file("old.json");
    let url = format!("{}v1/ws", server.url.replace("http", "ws"));
    let out = path.to_str().unwrap();
    let arguments = ["--url", &url, "--format", "msgpack", "--json", out];
    let (code, stdout, stderr) = finished(&[&arguments, &QUICK[..]].concat());
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(stored(&path).lanes[0].transport, "ws-msgpack");
}

/// Starts a run that would take a minute, does `what` once it is measuring, and waits for its end.
fn disturbed(server: &FeedServer, out: &str, what: impl FnOnce(u32)) -> (i32, String) {
    let arguments = ["--url", &server.url, "--for", "60s", "--warmup", "0", "--clients", "3"];
    let mut child =
        load_tester(&[&arguments[..], &["--transport", "ws-json,sse", "--out", out]].concat())
            .args(["--server-pid", &server.pid().to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let begun = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("measuring")));
    assert!(begun.is_some());
    // Nobody reads the rest, but it must not stop the program.
    std::thread::spawn(move || lines.for_each(drop));
    let at = Instant::now();
    what(child.id());
    let Output { status, stdout, .. } = child.wait_with_output().unwrap();
    assert!(at.elapsed() < Duration::from_secs(30));
    (status.code().unwrap(), String::from_utf8(stdout).unwrap())
}

#[test]
fn a_server_that_dies_leaves_a_partial_result() {
    let server = server();
    let path = file("died.json");
    let (code, stdout) =
        disturbed(&server, path.to_str().unwrap(), |_| server.signal(Signal::KILL));
    assert_eq!(code, 4, "{stdout}");
    assert!(stdout.contains("INCOMPLETE"), "{stdout}");
    let result = stored(&path);
    assert_eq!((result.verdict, result.complete), (Verdict::Incomplete, false));
    let why = result.incomplete_why.unwrap();
    assert!(why.contains("went away") || why.contains("every connection had ended"), "{why}");
    assert_eq!(result.lanes.len(), 1);
    assert!(result.lanes[0].events.messages > 0 && !result.lanes[0].complete);
}

#[test]
fn an_interrupted_run_keeps_what_it_has() {
    let server = server();
    let path = file("interrupted.json");
    let (code, stdout) = disturbed(&server, path.to_str().unwrap(), |pid| {
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::INT).unwrap();
    });
    assert_eq!(code, 4, "{stdout}");
    let result = stored(&path);
    assert!(!result.complete && result.incomplete_why.unwrap().contains("interrupted"));
    assert_eq!(result.lanes.len(), 1);
    assert!(result.lanes[0].events.messages > 0);
}

#[test]
fn a_path_that_is_not_served_is_told_with_what_the_server_said() {
    let server = server();
    let url = format!("{}?symbols=NOPE", server.url);
    let (code, _, stderr) =
        finished(&[&["--url", &url, "--transport", "poll:1s"], &QUICK[..]].concat());
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("400") && stderr.contains("unknown_symbol"), "{stderr}");
}

#[test]
fn help_teaches_by_examples() {
    let (code, stdout, _) = finished(&["--help"]);
    assert_eq!(code, 0);
    for part in ["--transport all", "--spawn 'feed-server", "Exit codes:", "coordinated omission"] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
}
