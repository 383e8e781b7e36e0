//! Starting, and why it may fail: whoever starts the server is told which setting is wrong or which port is taken, and what
//! to do, before anything else happens.

mod server;

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use feed_protocol::Universe;
use feed_server::market::{Market, Retention};
use feed_server::server::{Server, Settings};
use server::program::run;
use server::{LIMITS, TestServer};

fn start_error(listen: SocketAddr, admin_listen: SocketAddr, shards: usize) -> String {
    let retention = Retention { events: 100, bar_bytes: 1 << 20 };
    let market = Market::new(Arc::new(Universe::default()), "e", retention);
    let settings = Settings {
        listen,
        admin_listen,
        shards,
        queue_events: 16,
        coalesce_us: 0,
        connections_max: 1,
        notsent_lowat: 0,
        busy_max: 50,
        merge_after_ms: 250,
        io_uring: true,
        origins: feed_server::http::cors::Origins::Any,
        lab: None,
        limits: LIMITS,
    };
    Server::start(&settings, market, None).expect_err("the port is taken").to_string()
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do() {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let taken = TcpListener::bind(any).unwrap();
    let address = taken.local_addr().unwrap();
    for (listen, admin_listen, shards) in [(address, any, 1), (address, any, 3), (any, address, 2)]
    {
        let error = start_error(listen, admin_listen, shards);
        assert!(error.contains(&format!("cannot listen on {address}")), "{error}");
        assert!(error.contains(&format!("port {}: stop it", address.port())), "{error}");
    }
    let listen = address.to_string();
    let ended = run(&["--listen", &listen, "--admin-listen", "127.0.0.1:0"], &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.errors);
    assert!(ended.errors.contains(&listen), "{}", ended.errors);
    drop(taken);
}

#[test]
fn two_servers_do_not_share_a_port_by_accident() {
    let first = TestServer::start();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    // Both bind their shards' listeners with SO_REUSEPORT, which would let the second take half of the first's clients.
    let error = start_error(first.address, any, 2);
    assert!(error.contains(&first.address.to_string()), "{error}");
}

#[test]
fn many_servers_that_let_the_system_choose_get_ports_of_their_own() {
    let servers: Vec<_> = (0..20).map(|_| TestServer::start()).collect();
    let ports: BTreeSet<_> = servers.iter().map(|server| server.address.port()).collect();
    assert_eq!(ports.len(), servers.len());
}

#[test]
fn a_wrong_setting_ends_the_program_with_2_and_is_named() {
    for (arguments, names) in [
        (&["--shards", "0"][..], "--shards 0"),
        (&["--symbols", "100001"], "--symbols 100001"),
        (&["--rate", "0"], "--rate 0"),
        (&["--queue-events", "1"], "--queue-events 1"),
        (&["--drain-s", "3601"], "--drain-s 3601"),
        (&["--history-memory", "0"], "--history-memory 0"),
        (&["--history", "999999999"], "--history 999999999"),
        (&["--scenario", "sunny"], "--scenario sunny"),
        (&["--popularity", "even"], "--popularity even"),
        (&["--log-format", "xml"], "--log-format xml"),
        (&["--replay", "/no/such/file"], "--replay /no/such/file"),
        (&["--config", "/no/such/file"], "--config /no/such/file"),
        (&["--shards", "many"], "--shards"),
        (&["--sharps", "2"], "--sharps"),
        (&["--listen", "here"], "--listen"),
        (&["--listen", "127.0.0.1:7007", "--admin-listen", "127.0.0.1:7007"], "--admin-listen"),
    ] {
        let ended = run(arguments, &[]);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.errors);
        assert!(ended.errors.contains(names), "{arguments:?}: {}", ended.errors);
    }
    let ended = run(&["--check"], &[("TICKCAST_SHARDS", "0")]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.errors.contains("--shards 0"), "from the environment: {}", ended.errors);
    let ended = run(&["--check", "--shards", "1"], &[("TICKCAST_SHARDS", "0")]);
    assert_eq!(ended.code, Some(0), "the command line wins: {}", ended.errors);
}
