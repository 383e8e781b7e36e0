//! What a shard's queue has overwritten: fetched from the market's history and merged for everybody, or announced as missing.
//! Events are merged once for all first: merging each for each who takes it costs as much as sending it, and a shard that was
//! behind would stay there.

use feed_protocol::{Event, EventChannel, GapReason, OnSlow, SymbolId};

use super::Shard;
use super::audience::Behaviour;
use super::backlog::Gap;
use super::batch::Item;
use super::clock::{Now, schedule};
use super::fanout::{add_item, touch};
use super::outbox::Sink;
use super::private::Waits;
use super::run::{Run, Runs};

impl<S: Sink> Shard<S> {
    /// Catches up from history to `until` after the queue overflowed: an overflow becomes a merge.
    pub(super) fn recover(&mut self, until: u64, now: Now) {
        self.flush_batch(now);
        self.absorb_all();
        self.conflates = true;
        let market = self.market.clone();
        let (mut chunk, mut runs) = (Vec::new(), Runs::default());
        while self.position < until {
            chunk.clear();
            match market.history.read(self.position, until, &mut chunk) {
                Ok(()) if chunk.is_empty() => break,
                Ok(()) => {
                    self.accept_merged(&chunk, &mut runs, now);
                    self.counters.events_recovered.add(chunk.len() as u64);
                }
                // Not even history has them: the newest of each symbol is known, and its number tells what is missing.
                // All holes are announced before anything that came after them.
                Err(_) => {
                    let (newest, upto) = market.history.newest_dropped_since(self.position);
                    for event in &newest {
                        self.announce_hole(event, now);
                    }
                    self.accept_merged(&newest, &mut runs, now);
                    self.position = self.position.max(upto);
                }
            }
        }
        self.flush_batch(now);
        self.conflates = false;
        // What was overwritten may have been far more than a batch.
        self.batch.fit();
    }

    /// Deals with events for everybody who wants them: merged, but for those who want each.
    fn accept_merged(&mut self, events: &[Event], runs: &mut Runs, now: Now) {
        for event in events {
            let place = self.advance(event, now);
            self.offer_unmerged(event, place);
            runs.add(event);
        }
        runs.drain(|topic, run| self.offer_run(topic, run, now));
    }

    /// Gives an event to those who want each.
    fn offer_unmerged(&mut self, event: &Event, place: u32) {
        let Self { directory, batch, universe, touched, .. } = self;
        directory.each_of_events(
            (event.symbol, event.channel()),
            false,
            |id, audience, pending| match audience.key.behaviour {
                Behaviour::Every(OnSlow::Close) => {
                    if !audience.attached.is_empty() {
                        pending.push(place);
                    }
                    touch(id, audience, touched);
                    let format = audience.key.wire.format();
                    for (_, private) in &mut audience.private {
                        add_item(private, batch, place, format, universe);
                    }
                }
                Behaviour::Wake => touch(id, audience, touched),
                Behaviour::Every(OnSlow::Merge)
                | Behaviour::Latest { .. }
                | Behaviour::Bars { .. } => {}
            },
        );
    }

    /// Gives merged events to all others.
    fn offer_run(&mut self, topic: (SymbolId, EventChannel), run: &Run, now: Now) {
        let Self { directory, touched, deadlines, .. } = self;
        directory.each_of_events(topic, true, |id, audience, _| {
            match audience.key.behaviour {
                Behaviour::Every(OnSlow::Merge) => touch(id, audience, touched),
                Behaviour::Latest { interval_ms: 0, .. } => touch(id, audience, touched),
                Behaviour::Latest { .. } => schedule(id, audience, now, deadlines),
                Behaviour::Every(OnSlow::Close) | Behaviour::Bars { .. } | Behaviour::Wake => {
                    return;
                }
            }
            if !audience.attached.is_empty() {
                audience.shared.add_run(topic, run);
            }
            for (_, private) in &mut audience.private {
                if let Waits::Merged(backlog) = &mut private.waits {
                    backlog.add_run(topic, run);
                }
            }
        });
    }

    /// Tells everybody concerned of the numbers that are missing before `event`, if there are any.
    fn announce_hole(&mut self, event: &Event, now: Now) {
        let newest = self.latest.get(event.symbol, event.channel());
        let last_seq = newest.map_or(0, |newest| newest.event.seq);
        if event.seq == last_seq + 1 {
            return;
        }
        let place = self.batch.push(Item::Gap(Gap {
            symbol: event.symbol,
            channel: event.channel(),
            from: last_seq + 1,
            to: event.seq - 1,
            why: GapReason::Overflow,
            known_offset: self.position,
            known_ts_us: self.position_ts_us,
        }));
        let Self { directory, batch, universe, touched, deadlines, .. } = self;
        directory.each_of_events((event.symbol, event.channel()), true, |id, audience, pending| {
            match audience.key.behaviour {
                Behaviour::Every(OnSlow::Close) if !audience.attached.is_empty() => {
                    pending.push(place);
                }
                Behaviour::Every(OnSlow::Merge) | Behaviour::Latest { .. } => {
                    audience.share(batch.item(place));
                }
                Behaviour::Every(OnSlow::Close) | Behaviour::Bars { .. } | Behaviour::Wake => {}
            }
            match audience.key.behaviour {
                Behaviour::Latest { interval_ms: 1.., .. } => {
                    schedule(id, audience, now, deadlines);
                }
                _ => touch(id, audience, touched),
            }
            let format = audience.key.wire.format();
            for (_, private) in &mut audience.private {
                add_item(private, batch, place, format, universe);
            }
        });
    }
}
