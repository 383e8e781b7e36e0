//! A feed server in a test: serves symbols, takes one subscribe a connection, plays a script, then ticks on.
//! It makes whatever mistakes its script tells it to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, upgrade};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::interval;

/// The ticker's messages come this often.
const TICK_EVERY: Duration = Duration::from_millis(5);

/// What the server does after `welcome` and `subscribed`, in order; then it ticks on with symbol `TICK`.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends a text frame; `NOW` in it becomes the time.
    Text(String),
    /// Sends a binary frame.
    Binary(Vec<u8>),
    /// Sends a text frame in pieces of so many bytes.
    Pieces(String, usize),
    /// Closes with a code.
    Close(u16),
    /// Hangs up without a word.
    Drop,
    /// Sends the same text frame for as long as the client takes it.
    Flood(String),
}

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Script {
    pub symbols: Vec<&'static str>,
    pub steps: Vec<Step>,
    /// Answers a subscribe with this instead.
    pub refusal: Option<&'static str>,
    /// Refuses upgrades with this status …
    pub status: Option<u16>,
    /// … behind so many that it accepts.
    pub accepts: u32,
    /// How far in the future its clock is, µs.
    pub ahead_us: i64,
    /// Bodies of a client's polls, in order; the last one again and again.
    pub answers: Vec<String>,
}

impl Default for Script {
    fn default() -> Self {
        let symbols = vec!["AAPL", "MSFT", "TICK"];
        Self {
            symbols,
            steps: Vec::new(),
            refusal: None,
            status: None,
            accepts: 0,
            ahead_us: 0,
            answers: Vec::new(),
        }
    }
}

impl Script {
    pub fn of(frames: &[&str]) -> Self {
        let steps = frames.iter().map(|&frame| Step::Text(frame.to_owned())).collect();
        Self { steps, ..Self::default() }
    }
}

/// A running server; it stops with the test's process.
pub struct Stub {
    pub address: SocketAddr,
}

impl Stub {
    pub fn start(script: Script) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                serve(TcpListener::from_std(listener).unwrap(), script).await;
            });
        });
        Self { address }
    }

    pub fn url(&self) -> String {
        format!("ws://{}/v1/ws", self.address)
    }
}

async fn serve(listener: TcpListener, script: Script) {
    let upgrades = Arc::new(AtomicU32::new(0));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (script, upgrades) = (script.clone(), upgrades.clone());
        let service = service_fn(move |request| answer(request, script.clone(), upgrades.clone()));
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades(),
        );
    }
}

async fn answer(
    mut request: Request<Incoming>,
    script: Script,
    upgrades: Arc<AtomicU32>,
) -> Result<Response<Full<Bytes>>, hyper::http::Error> {
    match request.uri().path() {
        "/v1/symbols" => {
            let rows: Vec<_> = script
                .symbols
                .iter()
                .enumerate()
                .map(|(id, name)| serde_json::json!({"S": name, "id": id, "places": 2}))
                .collect();
            Response::builder().body(Full::from(serde_json::to_vec(&rows).unwrap()))
        }
        "/v1/poll" => {
            // Each client asks first without a cursor; the place in the script is in the cursors that it is given.
            let query = request.uri().query().unwrap_or_default();
            let next = query.rsplit_once("since=e:").map_or(0, |(_, offset)| {
                let offset: usize = offset.parse().unwrap();
                offset / 100
            });
            let answer = &script.answers[next.min(script.answers.len() - 1)];
            let body = answer.replace("NOW", &now_us().to_string());
            Response::builder().body(Full::from(body))
        }
        "/v1/ws"
            if script.status.is_none()
                || upgrades.fetch_add(1, Ordering::Relaxed) < script.accepts =>
        {
            let (response, upgraded) = upgrade::upgrade(&mut request).unwrap();
            let protocol = request.headers()["sec-websocket-protocol"].clone();
            tokio::spawn(async move {
                let socket = FragmentCollector::new(upgraded.await.unwrap());
                // A client that leaves ends it.
                let _ = play(socket, script).await;
            });
            let (mut parts, _) = response.into_parts();
            parts.headers.insert("sec-websocket-protocol", protocol);
            Ok(Response::from_parts(parts, Full::default()))
        }
        _ => Response::builder()
            .status(script.status.unwrap_or(404))
            .body(Full::from(r#"{"code":"bad_request"}"#)),
    }
}

type Socket = FragmentCollector<TokioIo<hyper::upgrade::Upgraded>>;

async fn play(mut socket: Socket, script: Script) -> Result<(), fastwebsockets::WebSocketError> {
    let request = socket.read_frame().await?;
    let binary = request.opcode == OpCode::Binary;
    let ask: Value = if binary {
        rmp_serde::from_slice(&request.payload).unwrap()
    } else {
        serde_json::from_slice(&request.payload).unwrap()
    };
    assert_eq!(ask["op"], "subscribe");
    let mut first = vec![serde_json::json!({"T": "welcome", "epoch": "e", "offset": 0})];
    first.push(match script.refusal {
        Some(code) => serde_json::json!({"T": "error", "id": ask["id"], "code": code, "msg": "no"}),
        None => {
            let rows: Vec<_> = (0..).zip(&script.symbols).map(|(id, name)| (id, name, 2)).collect();
            let mut subscribed = serde_json::json!({"T": "subscribed", "id": ask["id"],
                "symbols": ask["symbols"], "channels": ask["channels"], "cursor": "e:100"});
            if binary {
                subscribed["table"] = serde_json::json!(rows);
            }
            subscribed
        }
    });
    for message in first {
        let frame = [message];
        socket.write_frame(if binary { pack(&frame) } else { text(&frame) }).await?;
    }
    for step in script.steps {
        match step {
            Step::Text(frame) => {
                let frame = frame.replace("NOW", &(now_us() + script.ahead_us).to_string());
                socket.write_frame(Frame::text(Payload::Owned(frame.into_bytes()))).await?;
            }
            Step::Binary(frame) => {
                socket.write_frame(Frame::binary(Payload::Owned(frame))).await?;
            }
            Step::Pieces(frame, size) => pieces(&mut socket, &frame, size).await?,
            Step::Close(code) => socket.write_frame(Frame::close(code, b"why")).await?,
            Step::Drop => return Ok(()),
            Step::Flood(frame) => loop {
                let payload = Payload::Borrowed(frame.as_bytes());
                socket.write_frame(Frame::text(payload)).await?;
            },
        }
    }
    let tick = script.symbols.iter().position(|&name| name == "TICK").unwrap();
    let mut ticks = interval(TICK_EVERY);
    for n in 1_u64.. {
        // Reading may be given up half way: nothing but signs of life and the client's close is to come.
        loop {
            tokio::select! {
                frame = socket.read_frame() => {
                    let kind = frame.map(|frame| frame.opcode);
                    if !matches!(kind, Ok(OpCode::Pong)) {
                        // The close has been answered with its own code.
                        assert!(matches!(kind, Err(_) | Ok(OpCode::Close)));
                        return Ok(());
                    }
                }
                _ = ticks.tick() => break,
            }
        }
        let (o, ts) = (1_000_000 + n, now_us() + script.ahead_us);
        let frame = if binary {
            Frame::binary(Payload::Owned(
                rmp_serde::to_vec(&[(1, tick, n, o, ts, 18723, 100, 1)]).unwrap(),
            ))
        } else {
            let frame = format!(
                r#"[{{"T":"t","S":"TICK","n":{n},"o":{o},"ts":{ts},"p":187.23,"v":100,"d":1}}]"#
            );
            Frame::text(Payload::Owned(frame.into_bytes()))
        };
        socket.write_frame(frame).await?;
    }
    Ok(())
}

async fn pieces(
    socket: &mut Socket,
    frame: &str,
    size: usize,
) -> Result<(), fastwebsockets::WebSocketError> {
    let frame = frame.replace("NOW", &now_us().to_string()).into_bytes();
    let last = frame.len().div_ceil(size) - 1;
    for (place, piece) in frame.chunks(size).enumerate() {
        let opcode = if place == 0 { OpCode::Text } else { OpCode::Continuation };
        let payload = Payload::Owned(piece.to_vec());
        socket.write_frame(Frame::new(place == last, opcode, None, payload)).await?;
    }
    Ok(())
}

fn text(frame: &impl serde::Serialize) -> Frame<'static> {
    Frame::text(Payload::Owned(serde_json::to_vec(frame).unwrap()))
}

fn pack(frame: &impl serde::Serialize) -> Frame<'static> {
    Frame::binary(Payload::Owned(rmp_serde::to_vec_named(frame).unwrap()))
}

fn now_us() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_micros()).unwrap()
}
