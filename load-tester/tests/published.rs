//! `capacity` and `reproduce` as programs, against the real server, with the least time that shows something.

mod server;

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn finished(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_load-tester"));
    let Output { status, stdout, stderr } = command.args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path
}

fn stored(path: &PathBuf) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn spawn() -> String {
    let program = server::program().to_str().unwrap();
    format!("{program} --symbols 20 --rate 100 --trades-only")
}

#[test]
fn capacity_searches_and_tells_the_break_even() {
    let out = file("capacity.json");
    let spawn = spawn();
    let arguments = [
        "capacity",
        "--transport",
        "sse,poll:1s",
        "--slo",
        "p99<30s",
        "--spawn",
        &spawn,
        "--start",
        "2",
        "--clients-max",
        "4",
        "--step",
        "2s",
        "--out",
        out.to_str().unwrap(),
    ];
    let (code, stdout, stderr) = finished(&arguments);
    let found = stored(&out);
    assert_eq!(found["complete"], true, "{stdout}{stderr}");
    let transports = found["transports"].as_array().unwrap();
    assert_eq!(transports.len(), 2);
    for carried in transports {
        // A machine that others use may make the source late, or the tester busy; nothing else can end it before.
        let why = carried["why"].as_str().unwrap();
        let busy = why.contains("left their source") || why.contains("the tester used");
        assert!((carried["clients"] == 4 && carried["limit"] == "most") || busy, "{carried}");
        assert!(carried["limit"] != "most" || carried["at_least"] == true, "{carried}");
    }
    let nobody = transports.iter().any(|carried| carried["clients"] == 0);
    assert_eq!(code, if nobody { 3 } else { 0 }, "{stdout}{stderr}");
    assert_eq!(transports[1]["slos"][0], "p99<31000ms", "a poller is left its interval");
    assert!(nobody || stderr.contains("once more"), "{stderr}");
}

#[test]
fn capacity_keeps_what_it_had_found_when_the_server_dies() {
    let out = file("capacity-died.json");
    let server = server::FeedServer::start(&["--symbols", "20", "--rate", "100", "--trades-only"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_load-tester"));
    command.args(["capacity", "--transport", "ws-json,sse", "--slo", "p99<30s", "--step", "2s"]);
    command.args(["--start", "1", "--clients-max", "1", "--url", &server.url, "--out"]);
    let piped = command.arg(&out).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut server = Some(server);
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        if line.unwrap().starts_with("ws-json") {
            // Its end; the step that confirms the first, or the next transport's, finds nobody.
            server.take();
        }
    }
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{stdout}");
    assert!(stdout.contains("INCOMPLETE") && stdout.contains("ws-json"), "{stdout}");
    let found = stored(&out);
    assert_eq!(found["complete"], false, "{stdout}");
    assert!(found["incomplete_why"].as_str().unwrap().contains("at 127.0.0.1:"), "{found}");
    assert_eq!(found["transports"][0]["transport"], "ws-json", "{found}");
    assert!(!found["transports"][0]["steps"].as_array().unwrap().is_empty(), "{found}");
}

#[test]
fn capacity_says_what_cannot_be() {
    let spawn = spawn();
    let of = |slo: &str, more: &[&str]| {
        let mut arguments =
            vec!["capacity", "--transport", "ws-json", "--step", "2s", "--slo", slo];
        arguments.extend(more);
        finished(&arguments)
    };
    let (code, stdout, stderr) =
        of("p50<1us", &["--spawn", &spawn, "--start", "1", "--clients-max", "1"]);
    assert_eq!(code, 3, "{stdout}{stderr}");
    let late = stdout.contains("left their source");
    assert!(late || stdout.contains("p50<1us is not kept"), "{stdout}");
    let (code, _, stderr) = of("p99<fast", &[]);
    assert!(code == 2 && stderr.contains('^'), "{stderr}");
    let (code, _, stderr) = of("sse.p99<1s", &[]);
    assert!(code == 2 && stderr.contains("no lane sse"), "{stderr}");
    let (code, _, stderr) = of("p99<1s", &["--url", "http://127.0.0.1:1/"]);
    assert!(code == 2 && stderr.contains("cannot reach the server"), "{stderr}");
}

#[test]
fn reproduces_what_was_published_of_overhead() {
    let out = file("published.json");
    let server = server::program().to_str().unwrap();
    let arguments = [
        "reproduce",
        "bth",
        "--scale",
        "0.2",
        "--generator-max",
        "100",
        "--server",
        server,
        "--out",
        out.to_str().unwrap(),
    ];
    let (code, stdout, stderr) = finished(&arguments);
    // A machine that others use may make the source late; the bytes are what they are.
    assert!(code == 0 || code == 4, "{stdout}{stderr}");
    let rows = &stored(&out)["studies"][0]["rows"];
    let row = |place: usize| rows[place]["comparable"].as_f64().unwrap();
    assert!((row(0) - 2.0).abs() < 0.1, "WebSocket: {stdout}");
    assert!((row(1) - 8.0).abs() < 0.5, "SSE, byte by byte and as a lane counts it: {stdout}");
    assert!((row(2) - 472.0).abs() < 472.0 * 0.25, "poll: {stdout}");
    assert!((row(4) - 5.0).abs() < 0.5, "`/v1/long-poll` is 5 B longer than `/v1/poll`: {stdout}");
    // What the browser's five headers take beyond a bare client's `accept`.
    let browser = rows[2]["ours"].as_f64().unwrap() - row(5);
    assert!((200.0..250.0).contains(&browser), "{browser} B of headers: {stdout}");
    assert!(stdout.contains("`id:` line") && stdout.contains("again"), "{stdout}");
}

#[test]
fn refuses_what_it_cannot_reproduce() {
    let (code, _, stderr) = finished(&["reproduce", "nonsense"]);
    assert!(code == 2 && stderr.contains("there are all, lubbers"), "{stderr}");
    let (code, _, stderr) = finished(&["reproduce", "bth", "--server", "/no/such/server"]);
    assert!(code == 2 && stderr.contains("cannot start"), "{stderr}");
    let (code, _, stderr) = finished(&["reproduce", "bth", "--scale", "7"]);
    assert!(code == 2 && stderr.contains("0.01 to 1"), "{stderr}");
}
