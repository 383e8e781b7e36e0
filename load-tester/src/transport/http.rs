//! One client's HTTP connection: keep-alive over HTTP/1.1, or HTTP/2 with prior knowledge; made again if the server has
//! closed it between two requests. Says of each answer what its head cost. Reads no bodies.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode, Version};
use tokio::task::AbortHandle;

use super::dial::{Closing, Dial};
use super::h2_frames::H2Layers;
use super::meter::Meter;
use super::{Ask, Cost, End, HttpVersion, Layers};

/// Smallest window that HTTP/2 may be given without asking for less than its default.
const H2_WINDOW_MIN: u32 = 65_535;
/// A connection's window by that of its only stream, which is what bounds the bytes under way. h2 takes a connection for
/// an attack once its unread DATA frames, counted as at least 256 bytes each, are more than half this window: a client
/// that is behind with frames of a message each would be cut off by its own library.
const H2_CONNECTION_WINDOWS: u32 = 32;
/// Largest window there is.
const H2_WINDOW_MAX: u32 = i32::MAX.cast_unsigned();
/// So much of a refusal's body is shown.
const REFUSAL_BYTES_MAX: usize = 4096;

/// hyper's way to run what HTTP/2 needs run, on the thread of the client.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

enum Sender {
    One(http1::SendRequest<Empty<Bytes>>),
    Two(http2::SendRequest<Empty<Bytes>>),
}

/// An open connection.
struct Open {
    sender: Sender,
    meter: Arc<Meter>,
    watch: Option<OwnedFd>,
    driver: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A client's connection, and how to make it again.
pub struct Http {
    dial: Dial,
    version: HttpVersion,
    authority: HeaderValue,
    /// Of every request, besides its own.
    headers: HeaderMap,
    open: Open,
    /// What connections before this one have read and written.
    wire_before: (u64, u64),
    /// How often it was made again.
    pub reconnects: u32,
    h2_seen: [H2Layers; 2],
}

impl Http {
    /// Connects.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn connect(ask: &Ask<'_>) -> Result<Self, End> {
        let (dial, version, authority) = (ask.dial, ask.transport.http, ask.authority);
        let headers = ask.headers.clone();
        let authority = HeaderValue::from_str(authority)
            .map_err(|_| End::Connect(format!("`{authority}` is no host")))?;
        let open = Open::connect(&dial, version).await?;
        let h2_seen = [H2Layers::default(); 2];
        let (wire_before, reconnects) = ((0, 0), 0);
        Ok(Self { dial, version, authority, headers, open, wire_before, reconnects, h2_seen })
    }

    /// Bytes read and written so far.
    #[must_use]
    pub fn wire(&self) -> (u64, u64) {
        let (down, up) = self.open.meter.wire();
        (self.wire_before.0 + down, self.wire_before.1 + up)
    }

    /// The socket, for asking the system about it.
    #[must_use]
    pub fn watch(&self) -> Option<&OwnedFd> {
        self.open.watch.as_ref()
    }

    /// Sends `GET path` and waits for the head of the answer. Returns it with what both heads cost; on HTTP/2 that is
    /// told by [`Self::h2_cost`] instead.
    ///
    /// # Errors
    /// The connection has ended, and a new one could not be had or did so too.
    pub async fn get(
        &mut self,
        path: &str,
        accept: &'static str,
        extra: Option<(HeaderName, HeaderValue)>,
    ) -> Result<(Response<Incoming>, Cost), End> {
        let mut fresh = false;
        if self.open.is_closed() {
            self.reconnect().await?;
            fresh = true;
        }
        loop {
            let request = self.request(path, accept, extra.clone())?;
            let up = if self.version == HttpVersion::One { request_head(&request) } else { 0 };
            match self.open.send(request).await {
                Ok(response) => {
                    let down = match self.version {
                        HttpVersion::One => answer_head(&response),
                        HttpVersion::Two => 0,
                    };
                    let cost = Cost {
                        down: Layers { headers: down, ..Layers::default() },
                        up: Layers { headers: up, ..Layers::default() },
                    };
                    return Ok((response, cost));
                }
                // Closed while it was idle: the server has not seen the request, or will not answer it.
                Err(why) if !fresh && went_away(&why) => {
                    self.reconnect().await?;
                    fresh = true;
                }
                Err(why) => return Err(lost(&why)),
            }
        }
    }

    /// What HTTP/2's framing and headers have cost since the last call, with `payload` of the data taken as payload
    /// and the rest of it as framing; `None` on HTTP/1.1.
    pub fn h2_cost(&mut self, payload: usize) -> Option<Cost> {
        let now = self.open.meter.h2_layers()?;
        let [down, up] = [0, 1].map(|way| now[way].since(&self.h2_seen[way]));
        self.h2_seen = now;
        let narrow = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        // Data that was read ahead is taken as framing now and given back with the next call: sums come out right.
        let around = i64::try_from(down.data).unwrap_or(i64::MAX) - payload as i64;
        Some(Cost {
            down: Layers {
                payload: 0,
                framing: narrow(down.framing),
                headers: narrow(down.headers),
                around,
            },
            up: Layers {
                payload: narrow(up.data),
                framing: narrow(up.framing),
                headers: narrow(up.headers),
                around: 0,
            },
        })
    }

    async fn reconnect(&mut self) -> Result<(), End> {
        self.wire_before = self.wire();
        self.open = Open::connect(&self.dial, self.version).await?;
        self.h2_seen = [H2Layers::default(); 2];
        self.reconnects += 1;
        Ok(())
    }

    fn request(
        &self,
        path: &str,
        accept: &'static str,
        extra: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Request<Empty<Bytes>>, End> {
        let wrong = |why: String| End::Connect(format!("cannot ask for {path}: {why}"));
        let builder = Request::get(match self.version {
            HttpVersion::One => path.to_owned(),
            // HTTP/2 takes scheme and authority from the address.
            HttpVersion::Two => {
                let authority = self.authority.to_str().map_err(|why| wrong(why.to_string()))?;
                format!("http://{authority}{path}")
            }
        });
        let mut request =
            builder.body(Empty::new()).map_err(|why: hyper::http::Error| wrong(why.to_string()))?;
        let headers = request.headers_mut();
        if self.version == HttpVersion::One {
            headers.insert(HOST, self.authority.clone());
        }
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.extend(self.headers.clone());
        if let Some((name, value)) = extra {
            headers.insert(name, value);
        }
        Ok(request)
    }
}

impl Open {
    async fn connect(dial: &Dial, version: HttpVersion) -> Result<Self, End> {
        let dialled = dial.connect(Closing::Reset, version == HttpVersion::Two).await?;
        let (meter, watch) = (dialled.meter, dialled.watch);
        let (sender, driver) = match version {
            HttpVersion::One => {
                let (sender, connection) =
                    http1::handshake(dialled.io).await.map_err(|why| lost(&why))?;
                let driver = tokio::task::spawn_local(async { drop(connection.await) });
                (Sender::One(sender), driver)
            }
            HttpVersion::Two => {
                let window =
                    dial.receive_buffer.map(|bytes| bytes.clamp(H2_WINDOW_MIN, H2_WINDOW_MAX));
                let (sender, connection) = http2::Builder::new(OnThisThread)
                    .initial_stream_window_size(window)
                    .initial_connection_window_size(window.map(|window| {
                        window.saturating_mul(H2_CONNECTION_WINDOWS).min(H2_WINDOW_MAX)
                    }))
                    .handshake(dialled.io)
                    .await
                    .map_err(|why| lost(&why))?;
                let driver = tokio::task::spawn_local(async { drop(connection.await) });
                (Sender::Two(sender), driver)
            }
        };
        Ok(Self { sender, meter, watch, driver: driver.abort_handle() })
    }

    fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::One(sender) => sender.is_closed(),
            Sender::Two(sender) => sender.is_closed(),
        }
    }

    async fn send(&mut self, request: Request<Empty<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

/// An answer other than 200, with what it says.
pub async fn refusal(response: Response<Incoming>) -> End {
    let status = response.status();
    let body = Limited::new(response.into_body(), REFUSAL_BYTES_MAX).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    End::Refused(
        format!("{status} {}", String::from_utf8_lossy(&body).trim()).trim_end().to_owned(),
    )
}

/// Whether the answer may be read on.
#[must_use]
pub fn is_fine(status: StatusCode) -> bool {
    status == StatusCode::OK || status == StatusCode::NOT_MODIFIED
}

/// Bytes of an HTTP/1.1 request's head.
fn request_head<B>(request: &Request<B>) -> u32 {
    let line = "GET  HTTP/1.1\r\n".len() + request.uri().to_string().len();
    head(line, request.headers())
}

/// Bytes of an HTTP/1.1 answer's head, as servers write it.
fn answer_head<B>(response: &Response<B>) -> u32 {
    debug_assert_eq!(response.version(), Version::HTTP_11);
    let reason = response.status().canonical_reason().unwrap_or_default();
    head("HTTP/1.1 200 \r\n".len() + reason.len(), response.headers())
}

fn head(line: usize, headers: &HeaderMap) -> u32 {
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    u32::try_from(line + fields.sum::<usize>() + 2).unwrap_or(u32::MAX)
}

fn went_away(why: &hyper::Error) -> bool {
    why.is_canceled() || why.is_closed() || why.is_incomplete_message()
}

/// hyper's errors in few different words.
pub fn lost(why: &hyper::Error) -> End {
    let mut text = why.to_string();
    if let Some(source) = std::error::Error::source(why) {
        text = format!("{text}: {source}");
    }
    End::Lost(text)
}
