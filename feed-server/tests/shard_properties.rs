//! Thousands of random schedules of a shard: slow clients, clients that come and go, changing subscriptions, queues that
//! overflow. Whatever happens, clients end with the same bars, and nothing is missing that was not announced.

mod model;

use feed_protocol::{
    Bar, ChannelSet, Control, Data, EventChannel, Format, Mode, OnSlow, Op, Request, ServerMessage,
    Subscribe, Unsubscribe,
};
use model::{Client, SYMBOLS, World, bar_of};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Publish { symbol: usize, kind: u8, number: u32 },
    Pass { us: u64 },
    Apply,
    Leave { client: usize, bytes: usize },
    Change { client: usize, request: u8, symbols: u8, latest: bool, interval_ms: u32 },
    Reconnect { client: usize, latest: bool },
}

fn steps(changes: bool, reconnects: bool) -> impl Strategy<Value = Vec<Step>> {
    let publish = (0..SYMBOLS, any::<u8>(), any::<u32>())
        .prop_map(|(symbol, kind, number)| Step::Publish { symbol, kind, number });
    let pass = prop_oneof![Just(1_000), Just(100_000), Just(700_000), 1u64..3_000_000]
        .prop_map(|us| Step::Pass { us });
    let leave = (0..6usize, prop_oneof![Just(0), 1..400usize, Just(usize::MAX / 2)])
        .prop_map(|(client, bytes)| Step::Leave { client, bytes });
    let change = (0..4usize, 0..4u8, 1..32u8, any::<bool>(), prop_oneof![Just(0), 1..2000u32])
        .prop_map(|(client, request, symbols, latest, interval_ms)| Step::Change {
            client,
            request,
            symbols,
            latest,
            interval_ms,
        });
    let reconnect =
        (0..4usize, any::<bool>()).prop_map(|(client, latest)| Step::Reconnect { client, latest });
    let step = prop_oneof![
        10 => publish,
        3 => pass,
        4 => Just(Step::Apply),
        3 => leave,
        if changes { 2 } else { 0 } => change,
        if reconnects { 2 } else { 0 } => reconnect,
    ];
    prop::collection::vec(step, 1..160)
}

/// Whoever falls behind gets merged events at once, after a while, or never.
fn merge_after_us() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(250_000), Just(u64::MAX)]
}

fn names(bits: u8) -> Vec<String> {
    if bits == 31 {
        return vec!["*".into()];
    }
    (0..SYMBOLS).filter(|symbol| bits >> symbol & 1 == 1).map(|s| format!("S{s}")).collect()
}

fn subscribe(bits: u8, mode: Mode, interval_ms: u32) -> Subscribe {
    Subscribe {
        symbols: names(bits),
        channels: ChannelSet::EVENTS,
        mode,
        interval_ms,
        since: None,
        on_slow: OnSlow::Merge,
        snapshot: true,
    }
}

fn request(op: Op) -> Request {
    Request { id: None, op }
}

/// Everything a client holds is at its newest number, and the bars it built are those of all trades it was told of.
fn check_end(world: &World, client: &Client) {
    for ((symbol, channel), held) in &client.held {
        let last = world.last_seq(*symbol, *channel);
        assert_eq!(held.last.unwrap_or(0), last, "S{symbol} {channel:?}: the newest");
    }
}

fn settle(world: &mut World, clients: &mut [Client]) {
    world.apply();
    for _ in 0..3 {
        for client in clients.iter_mut() {
            world.catch_up(client);
        }
        world.pass(2_100_000);
        world.apply();
    }
    for client in clients.iter_mut() {
        world.catch_up(client);
    }
}

fn true_bars(world: &World) -> Vec<Bar> {
    let mut bars = Vec::new();
    for symbol in 0..SYMBOLS {
        let trades: Vec<_> =
            world.events(symbol, EventChannel::Trades, 1, u64::MAX).copied().collect();
        for second in trades.chunk_by(|a, b| a.ts_us / 1_000_000 == b.ts_us / 1_000_000) {
            bars.push(bar_of(second));
        }
    }
    bars
}

fn formats() -> [Format; 4] {
    [Format::Json, Format::Msgpack, Format::Json, Format::Json]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2500, ..ProptestConfig::default() })]

    /// Four clients on everything, in every manner, stalled at random: in the end all have built the same bars, equal to
    /// those of every trade, and to those of the market.
    #[test]
    fn stalled_clients_build_the_same_bars(
        steps in steps(false, false),
        interval_ms in 0u32..1500,
        merge_after_us in merge_after_us(),
    ) {
        let mut world = World::new(10_000, 1 << 12);
        world.shard.merge_after(merge_after_us);
        let manners = [(Mode::Every, 0), (Mode::Every, 0), (Mode::Latest, 0), (Mode::Latest, interval_ms)];
        let mut clients: Vec<_> = formats().into_iter().map(|format| world.connect(format)).collect();
        for (client, (mode, interval_ms)) in clients.iter().zip(manners) {
            world.request(client, request(Op::Subscribe(subscribe(31, mode, interval_ms))));
        }
        for step in steps {
            run(&mut world, &mut clients, step);
        }
        settle(&mut world, &mut clients);
        let expected = true_bars(&world);
        for client in &clients {
            check_end(&world, client);
            let gaps = client.messages.iter().filter(|m| matches!(m, ServerMessage::Control(Control::Gap { .. })));
            prop_assert_eq!(gaps.count(), 0, "nothing had to be given up");
            let built: Vec<_> = client.bars.values().copied().collect();
            prop_assert_eq!(&built, &expected);
        }
    }

    /// Clients that subscribe, change their minds and unsubscribe, slow or not: what they hold continues number by number.
    #[test]
    fn changing_subscriptions_lose_and_repeat_nothing(
        steps in steps(true, false),
        merge_after_us in merge_after_us(),
    ) {
        let mut world = World::new(10_000, 1 << 12);
        world.shard.merge_after(merge_after_us);
        let mut clients: Vec<_> = formats().into_iter().map(|format| world.connect(format)).collect();
        clients.iter_mut().for_each(|client| client.is_single = false);
        for step in steps {
            run(&mut world, &mut clients, step);
        }
        settle(&mut world, &mut clients);
        for client in &clients {
            prop_assert!(world.is_open(client));
            check_end(&world, client);
        }
    }

    /// Clients that vanish at random and come back with their cursor, to a history that may be too short: they lose and
    /// repeat nothing, or the hole is named.
    #[test]
    fn resuming_loses_and_repeats_nothing(
        steps in steps(false, true),
        history in prop_oneof![Just(0usize), 1..60usize, Just(10_000)],
        queue in prop_oneof![Just(4usize), Just(1 << 12)],
        merge_after_us in merge_after_us(),
    ) {
        let mut world = World::new(history, queue);
        world.shard.merge_after(merge_after_us);
        let mut clients: Vec<_> = formats().into_iter().map(|format| world.connect(format)).collect();
        for client in &clients {
            world.request(client, request(Op::Subscribe(subscribe(31, Mode::Every, 0))));
        }
        for step in steps {
            run(&mut world, &mut clients, step);
        }
        settle(&mut world, &mut clients);
        for client in &clients {
            prop_assert!(world.is_open(client));
            check_end(&world, client);
            if history == 10_000 {
                let built: Vec<_> = client.bars.values().copied().collect();
                prop_assert_eq!(&built, &true_bars(&world));
            }
        }
    }

    /// A queue that is too small for its market: what was overwritten comes merged from history, or is announced.
    #[test]
    fn an_overflowing_queue_becomes_a_merge_or_a_gap(
        steps in steps(false, false),
        history in 0usize..400,
        merge_after_us in merge_after_us(),
    ) {
        let mut world = World::new(history, 16);
        world.shard.merge_after(merge_after_us);
        let mut clients: Vec<_> = formats().into_iter().map(|format| world.connect(format)).collect();
        for (client, mode) in clients.iter().zip([Mode::Every, Mode::Every, Mode::Latest, Mode::Latest]) {
            world.request(client, request(Op::Subscribe(subscribe(31, mode, 0))));
        }
        for format in [Format::Json, Format::Msgpack] {
            let client = world.connect(format);
            let each = Subscribe { on_slow: OnSlow::Close, ..subscribe(31, Mode::Every, 0) };
            world.request(&client, request(Op::Subscribe(each)));
            clients.push(client);
        }
        for step in steps {
            run(&mut world, &mut clients, step);
        }
        settle(&mut world, &mut clients);
        for client in &clients[4..] {
            prop_assert!(world.is_open(client));
            let merges = |m: &ServerMessage| {
                matches!(m, ServerMessage::Data(_, Data::Merged { .. } | Data::Quote { n0: Some(_), .. }))
            };
            prop_assert!(!client.messages.iter().any(merges), "who does not want merged events gets each");
        }
        for client in &clients {
            check_end(&world, client);
            if history > 160 {
                let built: Vec<_> = client.bars.values().copied().collect();
                prop_assert_eq!(&built, &true_bars(&world));
            }
        }
    }
}

fn run(world: &mut World, clients: &mut [Client], step: Step) {
    match step {
        Step::Publish { symbol, kind, number } => world.publish(symbol, kind, number),
        Step::Pass { us } => {
            // Events that the clock has overtaken would be late; a pacer hands them over first.
            world.pass(us);
        }
        Step::Apply => world.apply(),
        Step::Leave { client, bytes } => {
            let client = client % clients.len();
            world.give_leave(&clients[client], bytes);
            clients[client].read(world);
        }
        Step::Change { client, request: 0, symbols, .. } => {
            let client = &mut clients[client];
            world.catch_up(client);
            let symbols = names(symbols);
            let channels = ChannelSet::ALL;
            let op = Op::Unsubscribe(Unsubscribe { symbols: symbols.clone(), channels });
            world.request(client, request(op));
            world.catch_up(client);
            client.held.retain(|(symbol, _), _| {
                !symbols.contains(&"*".into()) && !symbols.contains(&format!("S{symbol}"))
            });
        }
        Step::Change { client, symbols, latest, interval_ms, .. } => {
            let mode = if latest { Mode::Latest } else { Mode::Every };
            world.request(
                &clients[client],
                request(Op::Subscribe(subscribe(symbols, mode, interval_ms))),
            );
        }
        Step::Reconnect { client, latest } => {
            let client = &mut clients[client];
            client.read(world);
            client.reconnect(world);
            let mode = if latest { Mode::Latest } else { Mode::Every };
            let since = Some(client.cursor(world));
            let wanted = Subscribe { since, ..subscribe(31, mode, 300) };
            world.request(client, request(Op::Subscribe(wanted)));
        }
    }
}

/// Events that come out of history, because the queue ran over, are news for a long poll as well.
#[test]
fn a_long_poll_is_told_of_what_was_overwritten() {
    let mut world = World::new(1000, 1);
    let waiter = world.wait(0);
    world.publish(0, 0, 1);
    world.apply();
    assert!(waiter.was_told());
    world.apply();
    assert!(!waiter.was_told(), "nothing has happened");
    // The queue keeps the second, which is of another symbol.
    world.publish(0, 0, 2);
    world.publish(1, 0, 3);
    world.apply();
    assert!(waiter.was_told());
}

/// One that is owed events when the server stops is told a cursor from before them, so that it gets them elsewhere.
#[test]
fn a_goodbye_does_not_count_as_sent_what_is_owed() {
    let mut world = World::new(1000, 1 << 12);
    world.shard.merge_after(u64::MAX);
    let mut client = world.connect(Format::Json);
    world.request(&client, request(Op::Subscribe(subscribe(1, Mode::Every, 0))));
    world.catch_up(&mut client);
    world.give_leave(&client, 10);
    for number in 0..10 {
        world.publish(0, 0, number);
        world.apply();
    }
    world.shard.shut_down(100..101, world.now());
    world.catch_up(&mut client);
    let cursor = client.messages.iter().find_map(|message| match message {
        ServerMessage::Control(Control::Bye { cursor, .. }) => Some(cursor.offset),
        _ => None,
    });
    assert!(client.sent < world.shard.position(), "something was still owed");
    assert_eq!(cursor, Some(client.sent));
}

/// A cursor that is older than what the connection holds: `recovered: true` is a promise for held symbols as well.
#[test]
fn a_held_symbol_starts_again_at_an_older_cursor() {
    let mut world = World::new(1000, 1 << 12);
    let mut client = world.connect(Format::Json);
    for number in 0..10 {
        world.publish(0, 0, number);
    }
    world.apply();
    world.request(&client, request(Op::Subscribe(subscribe(1, Mode::Every, 0))));
    world.publish(0, 0, 11);
    world.apply();
    client.read(&world);
    let trades = (0, EventChannel::Trades);
    assert_eq!(client.held[&trades].last, Some(11));
    client.is_single = false;
    client.held.insert(trades, model::Held { last: Some(3), ..model::Held::default() });
    let since = Some(world.market.cursor(3));
    let again = Subscribe { since, ..subscribe(1, Mode::Every, 0) };
    world.request(&client, request(Op::Subscribe(again)));
    world.publish(0, 0, 12);
    world.apply();
    // The model checks that 4 to 12 come one after another, none twice.
    client.read(&world);
    assert_eq!(client.held[&trades].last, Some(12));
    let recovered = client.messages.iter().rev().find_map(|message| match message {
        ServerMessage::Control(Control::Subscribed { recovered, .. }) => Some(*recovered),
        _ => None,
    });
    assert_eq!(recovered, Some(Some(true)));
    // With the cursor it really has, nothing comes again.
    let since = Some(client.cursor(&world));
    let same = Subscribe { since, ..subscribe(1, Mode::Every, 0) };
    world.request(&client, request(Op::Subscribe(same)));
    world.publish(0, 0, 13);
    world.apply();
    client.read(&world);
    assert_eq!(client.held[&trades].last, Some(13));
}
