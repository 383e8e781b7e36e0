//! The program as its users meet it: output, exit codes, and one-line errors.

use std::io::Read as _;
use std::process::{Command, Output, Stdio};

fn simulator(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
    command.args(arguments.split(' '));
    command
}

fn run(arguments: &str) -> Output {
    simulator(arguments).output().unwrap()
}

#[test]
fn speed_does_not_change_a_byte() {
    let at_once = run("print --symbols 5 --rate 300 --for 2s --speed max");
    let paced = run("print --symbols 5 --rate 300 --for 2s --speed 10");
    assert!(at_once.stdout.len() > 20_000 && at_once.status.success());
    assert_eq!(at_once.stdout, paced.stdout);
}

#[test]
fn a_recording_replays_to_the_same_lines() {
    let path = std::env::temp_dir().join(format!("tickcast-{}.ticks", std::process::id()));
    let path = path.to_str().unwrap();
    let printed = run("print --events 5000 --speed max --scenario halt");
    let recorded = run(&format!("record {path} --events 5000 --scenario halt"));
    let replayed = run(&format!("replay {path} --speed max"));
    std::fs::remove_file(path).unwrap();
    assert!(recorded.status.success() && replayed.status.success());
    assert!(String::from_utf8_lossy(&recorded.stdout).starts_with("5000 events, "));
    assert_eq!(printed.stdout.iter().filter(|&&byte| byte == b'\n').count(), 5000);
    assert!(printed.stdout == replayed.stdout);
}

#[test]
fn nonsense_is_told_in_a_line_with_its_exit_code() {
    for (arguments, code, word) in [
        ("print --symbols 0", 2, "symbols: 0"),
        ("print --rate -5", 2, "rate: -5"),
        ("print --scenario loud", 2, "loud"),
        ("print --for 10", 2, "10s"),
        ("print --speed 0", 2, "max"),
        ("frobnicate", 2, "frobnicate"),
        ("record /nonexistent/x --events 1", 1, "cannot record to /nonexistent/x"),
        ("replay /nonexistent/x", 1, "/nonexistent/x"),
    ] {
        let output = run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {told}");
        assert!(told.starts_with("error: ") && told.contains(word), "{arguments}: {told}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let mut child = simulator("print --speed max")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn counting_tells_events_and_lateness() {
    let told = String::from_utf8(run("count --rate 2000 --for 1s --speed 5").stdout).unwrap();
    assert!(told.contains(" events/s\nlate by p50 "), "{told}");
}
