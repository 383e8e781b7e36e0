//! A resumed client that takes its time while history gives way: what happened since it came back waits for it in the shard's
//! journal, and a hole may reach into that.

mod model;

use feed_protocol::{
    ChannelSet, Control, EventChannel, Format, GapReason, Mode, OnSlow, Op, Request, ServerMessage,
    Subscribe,
};
use model::{Client, World};

/// History keeps so many events.
const HISTORY: usize = 16;

fn subscribe(world: &mut World, client: &Client, symbol: usize, resumes: bool) {
    let subscribe = Subscribe {
        symbols: vec![format!("S{symbol}")],
        channels: ChannelSet::EVENTS,
        mode: Mode::Every,
        interval_ms: 0,
        since: resumes.then(|| client.cursor(world)),
        on_slow: OnSlow::Merge,
        snapshot: !resumes,
    };
    world.request(client, Request { id: None, op: Op::Subscribe(subscribe) });
}

/// Trades of a symbol, each a batch of its own.
fn trade(world: &mut World, symbol: usize, count: u32) {
    for number in 0..count {
        world.publish(symbol, 0, number);
        world.apply();
    }
}

fn gaps(client: &Client) -> Vec<(u64, u64, GapReason)> {
    let gap = |message: &ServerMessage| match message {
        ServerMessage::Control(Control::Gap { from, to, why, .. }) => Some((*from, *to, *why)),
        _ => None,
    };
    client.messages.iter().filter_map(gap).collect()
}

/// The hole reaches over all that the client is still owed but the newest trade: that one comes after the hole, once, and
/// nothing from within. The model checks the numbers.
#[test]
fn a_hole_swallows_what_is_owed_but_the_newest() {
    let mut world = World::new(HISTORY, 1 << 12);
    // Nothing of what is owed is merged because it is too old.
    world.shard.merge_after(u64::MAX);
    let mut client = world.connect(Format::Json);
    subscribe(&mut world, &client, 0, false);
    trade(&mut world, 0, 1);
    client.read(&world);
    assert_eq!(client.sent, 1);

    // It comes back to a history that has everything, and takes no byte of it.
    client.reconnect(&mut world);
    trade(&mut world, 0, 10);
    world.give_leave(&client, 0);
    subscribe(&mut world, &client, 0, true);
    // Meanwhile it is owed five more; then another symbol drives all of them out of history.
    trade(&mut world, 0, 5);
    trade(&mut world, 1, 3 * HISTORY as u32);
    let newest = world.last_seq(0, EventChannel::Trades);
    assert_eq!(newest, 16);
    let dropped = world.market.history.dropped_any();
    assert!(dropped >= newest, "history has given way beyond what is owed, to offset {dropped}");

    world.catch_up(&mut client);
    assert_eq!(gaps(&client).len(), 1, "{:?}", gaps(&client));
    let (_, to, why) = gaps(&client)[0];
    assert_eq!((to, why), (newest - 1, GapReason::History));
    assert_eq!(client.held[&(0, EventChannel::Trades)].last, Some(newest));
    // It is level again: the next one comes as it is.
    trade(&mut world, 0, 1);
    world.catch_up(&mut client);
    assert_eq!(client.held[&(0, EventChannel::Trades)].last, Some(newest + 1));
    assert_eq!(gaps(&client).len(), 1);
}
