//! The C interface of `libsocketify`, as much as is used of it, and a server made of it.
//! Everything runs on the thread of the loop but the alarm clock, which only calls `uws_loop_defer`.
#![allow(unsafe_code)] // A C library. Its callbacks run on the thread that runs the loop, one at a time.

use std::ffi::{c_char, c_int, c_void};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libloading::{Library, Symbol};
use peers::{serve, source};

const PLAIN: c_int = 0; // of "SSL or not", the first argument of most calls
const TEXT: c_int = 1;
const RUN_DEFAULT: c_int = 0;
const LIBUS_LISTEN_EXCLUSIVE_PORT: c_int = 1;

type OnSocket = unsafe extern "C" fn(*mut c_void, *mut c_void);
type OnMessage = unsafe extern "C" fn(*mut c_void, *const c_char, usize, c_int, *mut c_void);
type OnListening = unsafe extern "C" fn(*mut c_void, ListenConfig, *mut c_void);
type Callback = unsafe extern "C" fn(*mut c_void);
type Publish = unsafe extern "C" fn(
    c_int,
    *mut c_void,
    *const c_char,
    usize,
    *const c_char,
    usize,
    c_int,
    bool,
) -> bool;
type Subscribe = unsafe extern "C" fn(c_int, *mut c_void, *const c_char, usize) -> bool;
type Defer = unsafe extern "C" fn(*mut c_void, Callback, *mut c_void);

/// `us_socket_context_options_t`: all for TLS.
#[repr(C)]
struct ContextOptions {
    files: [*const c_char; 6],
    low_memory: c_int,
}

/// `uws_app_listen_config_t`.
#[repr(C)]
struct ListenConfig {
    port: c_int,
    host: *const c_char,
    options: c_int,
}

/// `uws_socket_behavior_t`.
#[repr(C)]
struct Behavior {
    compression: c_int,
    max_payload_length: u32,
    idle_timeout_s: u16,
    max_backpressure: u32,
    close_on_backpressure_limit: bool,
    reset_idle_timeout_on_send: bool,
    send_pings_automatically: bool,
    max_lifetime: u16,
    upgrade: Option<Callback>,
    open: Option<OnSocket>,
    message: Option<OnMessage>,
    drain: Option<OnSocket>,
    ping: Option<Callback>,
    pong: Option<Callback>,
    close: Option<Callback>,
    subscription: Option<Callback>,
}

/// What the callbacks work with.
struct Server {
    app: *mut c_void,
    publish: Publish,
    subscribe: Subscribe,
    local_port: unsafe extern "C" fn(c_int, *mut c_void) -> c_int,
    source: source::Source,
    symbols: Vec<String>,
    /// Tells the alarm clock in how many µs to ring again.
    again: SyncSender<i64>,
}

/// The loop and the server, for the alarm clock's thread. It hands them on and never looks at them.
struct Addresses {
    loop_: *mut c_void,
    server: *mut c_void,
    defer: Defer,
}

// SAFETY: `uws_loop_defer` is the one call of the library that may come from any thread; what it is given is used by the
// loop's thread alone.
unsafe impl Send for Addresses {}

/// Serves until the process is ended.
///
/// # Errors
/// The library cannot be loaded or does not start.
pub fn run(library: &Path, source: source::Source) -> Result<()> {
    // SAFETY: the types are those of the library's header; it stays loaded until the process ends.
    unsafe {
        let library = Library::new(library)?;
        let create_loop: Symbol<'_, unsafe extern "C" fn() -> *mut c_void> =
            library.get(b"socketify_create_loop")?;
        let native_loop: Symbol<'_, unsafe extern "C" fn(*mut c_void) -> *mut c_void> =
            library.get(b"socketify_get_native_loop")?;
        let adopt: Symbol<'_, unsafe extern "C" fn(*mut c_void) -> *mut c_void> =
            library.get(b"uws_get_loop_with_native")?;
        let create_app: Symbol<'_, unsafe extern "C" fn(c_int, ContextOptions) -> *mut c_void> =
            library.get(b"uws_create_app")?;
        let run_loop: Symbol<'_, unsafe extern "C" fn(*mut c_void, c_int) -> c_int> =
            library.get(b"socketify_loop_run")?;
        let outer = create_loop();
        let loop_ = adopt(native_loop(outer));
        let app = create_app(PLAIN, ContextOptions { files: [std::ptr::null(); 6], low_memory: 0 });
        ensure!(!loop_.is_null() && !app.is_null(), "the library does not start");
        let (again, wait) = mpsc::sync_channel(1);
        let server = Box::leak(Box::new(Server {
            app,
            publish: *library.get(b"uws_publish")?,
            subscribe: *library.get(b"uws_ws_subscribe")?,
            local_port: *library.get(b"us_socket_local_port")?,
            symbols: source.symbols().to_vec(),
            source,
            again,
        }));
        let server: *mut c_void = (&raw mut *server).cast();
        listen(&library, app, server)?;
        let addresses = Addresses { loop_, server, defer: *library.get(b"uws_loop_defer")? };
        std::thread::spawn(move || ring(&addresses, &wait));
        run_loop(outer, RUN_DEFAULT);
    }
    anyhow::bail!("the loop has ended")
}

unsafe fn listen(library: &Library, app: *mut c_void, server: *mut c_void) -> Result<()> {
    // SAFETY: as in `run`.
    unsafe {
        let websocket: Symbol<
            '_,
            unsafe extern "C" fn(c_int, *mut c_void, *const c_char, Behavior, *mut c_void),
        > = library.get(b"uws_ws")?;
        let listen: Symbol<
            '_,
            unsafe extern "C" fn(c_int, *mut c_void, ListenConfig, OnListening, *mut c_void),
        > = library.get(b"uws_app_listen_with_config")?;
        websocket(PLAIN, app, c"/*".as_ptr(), behavior(), server);
        let host = c"127.0.0.1".as_ptr();
        let config = ListenConfig { port: 0, host, options: LIBUS_LISTEN_EXCLUSIVE_PORT };
        listen(PLAIN, app, config, on_listening, server);
    }
    Ok(())
}

/// The library's defaults, but for a longer silence and as much waiting data as Tickcast allows (1 MiB; theirs is 64 KiB).
fn behavior() -> Behavior {
    Behavior {
        compression: 0,
        max_payload_length: 16 * 1024,
        idle_timeout_s: 120,
        max_backpressure: 1 << 20,
        close_on_backpressure_limit: false,
        reset_idle_timeout_on_send: true,
        send_pings_automatically: true,
        max_lifetime: 0,
        upgrade: None,
        open: None,
        message: Some(on_message),
        drain: None,
        ping: None,
        pong: None,
        close: None,
        subscription: None,
    }
}

unsafe extern "C" fn on_listening(socket: *mut c_void, _: ListenConfig, server: *mut c_void) {
    // SAFETY: `server` is what `run` leaked; no other reference to it is alive while a callback runs.
    let server = unsafe { &mut *server.cast::<Server>() };
    assert!(!socket.is_null(), "cannot listen");
    // SAFETY: a listening socket, as asked for.
    let port = unsafe { (server.local_port)(PLAIN, socket) };
    serve::announce(u16::try_from(port).expect("a port")).expect("somebody reads");
}

unsafe extern "C" fn on_message(
    socket: *mut c_void,
    text: *const c_char,
    length: usize,
    _: c_int,
    server: *mut c_void,
) {
    // SAFETY: as in `on_listening`; the message lives until this returns.
    let (server, text) = unsafe {
        (&*server.cast::<Server>(), std::slice::from_raw_parts(text.cast::<u8>(), length))
    };
    for place in serve::places(&server.symbols, &String::from_utf8_lossy(text)) {
        let topic = &server.symbols[place];
        // SAFETY: the library copies the topic.
        unsafe { (server.subscribe)(PLAIN, socket, topic.as_ptr().cast(), topic.len()) };
    }
}

/// Publishes what is due and has the alarm clock set.
unsafe extern "C" fn on_alarm(server: *mut c_void) {
    // SAFETY: as in `on_listening`.
    let server = unsafe { &mut *server.cast::<Server>() };
    let Server { app, publish, source, symbols, again, .. } = server;
    let left_us = source.due(|symbol, message| {
        let topic = &symbols[symbol];
        // SAFETY: the library copies topic and message, or has used them when it returns.
        unsafe {
            publish(
                PLAIN,
                *app,
                topic.as_ptr().cast(),
                topic.len(),
                message.as_ptr().cast(),
                message.len(),
                TEXT,
                false,
            )
        };
    });
    // The alarm clock has taken the one before: it rang because of it.
    let _ = again.try_send(left_us);
}

/// Rings on the loop when something is due.
fn ring(addresses: &Addresses, wait: &Receiver<i64>) {
    source::wake_up_in_time().expect("the timer's slack can be set");
    loop {
        // SAFETY: see `Addresses`.
        unsafe { (addresses.defer)(addresses.loop_, on_alarm, addresses.server) };
        let Ok(left_us) = wait.recv() else { return };
        let until = Instant::now() + Duration::from_micros(left_us.unsigned_abs());
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

// The header's sizes: a wrong layout would be undefined behaviour.
const _: () = assert!(size_of::<Behavior>() == 88 && size_of::<ContextOptions>() == 56);
