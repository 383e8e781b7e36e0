//! What one client has had: the last number of each of its symbols and channels, and its place in the stream. Each
//! message goes through [`Ledger::event`], between [`Ledger::begin_frame`] and [`Ledger::end_frame`]; what the contract
//! forbids is added to [`Breaches`]. Knows nothing of time, sockets or formats.

mod answer;
mod index;
mod merge;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use feed_protocol::{Channel, EventChannel};

pub use answer::Claim;
pub use index::Index;

use crate::breaches::{Breach, BreachKind, Breaches};
use crate::catalog::Selection;
use crate::plan::{Format, Mode, Plan};
use crate::scan::{Event, Gap, Kind, TableRow, name_key};

/// In `columns`: not subscribed to.
const NO_COLUMN: u8 = u8::MAX;

/// How far the connection has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    New,
    Welcomed,
    Subscribed,
}

/// What a frame has shown so far. Order within a frame can only be judged at its end: a merged record in it allows
/// symbols to change places.
#[derive(Default)]
struct Frame {
    /// Greatest `o`.
    offset_max: u64,
    /// `o` of its merged records; 0 for none.
    merged_offset: u64,
    /// The first two single events that were out of order: offsets before, and after.
    swapped: Option<(u64, u64)>,
    /// An answer holds several flushes, each with an `o` of its own.
    is_answer: bool,
    /// Snapshots of symbols with a hole stand among what the others have missed.
    is_mixed: bool,
}

/// The books of one client.
pub struct Ledger {
    client: u32,
    selection: Rc<Selection>,
    /// MessagePack: from the symbol's id to its slot.
    by_id: Option<Rc<Index>>,
    /// By event channel: which column of `last` it has.
    columns: [u8; 3],
    width: usize,
    /// Last `n` by slot and column; 0 before the first.
    last: Box<[u64]>,
    snapshot: bool,
    in_order: bool,
    stage: Stage,
    /// Where the snapshot ends and the stream begins.
    splice: Option<u64>,
    /// Greatest `o` of all frames before this one: what a resume would start from.
    cursor: u64,
    /// `o` and `ts` of the last single event.
    single: (u64, i64),
    frame: Frame,
}

impl Ledger {
    /// The empty books of client number `client`.
    #[must_use]
    pub fn new(client: u32, plan: &Plan, format: Format, selection: Rc<Selection>) -> Self {
        let mut columns = [NO_COLUMN; 3];
        let mut width = 0;
        for channel in &plan.channels {
            if let Channel::Events(channel) = channel {
                columns[*channel as usize] = width;
                width += 1;
            }
        }
        let width = usize::from(width);
        Self {
            client,
            by_id: (format == Format::Msgpack).then(|| Rc::new(Index::new(Vec::new()))),
            columns,
            width,
            last: vec![0; width * selection.names().len()].into(),
            selection,
            snapshot: plan.snapshot,
            in_order: plan.mode == Mode::Every,
            stage: Stage::New,
            splice: None,
            cursor: 0,
            single: (0, 0),
            frame: Frame::default(),
        }
    }

    /// A `welcome` has come.
    pub fn welcome(&mut self, breaches: &mut Breaches) {
        if self.stage != Stage::New {
            self.early("a second `welcome`", breaches);
        }
        self.stage = self.stage.max(Stage::Welcomed);
    }

    /// A `subscribed` has come, which says that the snapshot ends at `splice`.
    pub fn subscribed(&mut self, splice: Option<u64>, breaches: &mut Breaches) {
        self.splice = splice;
        if self.stage == Stage::New {
            self.early("`subscribed` before `welcome`", breaches);
        }
        self.stage = Stage::Subscribed;
        // A heartbeat before it spoke of a connection without subscriptions; a snapshot's events are older.
        self.cursor = 0;
        self.frame.offset_max = 0;
    }

    /// A heartbeat says that everything up to `sent` has been sent: what comes in later frames is beyond it.
    pub fn heartbeat(&mut self, sent: u64) {
        self.frame.offset_max = self.frame.offset_max.max(sent);
    }

    /// The index that `rows` of MessagePack's symbol table make; [`Self::use_index`] takes it.
    #[must_use]
    pub fn index(&self, rows: &[TableRow]) -> Index {
        let mut ids = vec![Index::UNUSED; self.selection.names().len()];
        for TableRow(id, name, _) in rows {
            let slot = self.selection.by_name.slot(name_key(name.as_bytes()));
            if let Some(slot) = slot {
                ids[slot] = u64::from(*id);
            }
        }
        Index::new(ids)
    }

    /// From now on, ids are found in `index`. Ledgers of equal tables share one.
    pub fn use_index(&mut self, index: Rc<Index>) {
        self.by_id = Some(index);
    }

    /// The next messages are those of a new frame.
    #[inline]
    pub fn begin_frame(&mut self) {
        self.frame = Frame { offset_max: self.cursor, ..Frame::default() };
    }

    /// Symbols and channels in the books: [`Self::event`] gives places below this.
    #[must_use]
    pub fn places(&self) -> usize {
        self.last.len()
    }

    /// Enters one data message. Returns the place of its symbol and channel.
    #[inline]
    pub fn event(&mut self, event: &Event, breaches: &mut Breaches) -> Option<usize> {
        if self.stage != Stage::Subscribed {
            self.early("data before `subscribed`", breaches);
        }
        let Some(place) = self.place(event) else {
            self.stranger(event, breaches);
            return None;
        };
        let last = self.last[place];
        if last + 1 == event.first_seq {
            self.last[place] = event.last_seq;
        } else {
            self.irregular(place, event, breaches);
        }
        self.order(place, event, breaches);
        if is_merged(event.kind)
            && let Some(wrong) = merge::contradiction(event)
        {
            self.breach(BreachKind::Merge, place, breaches, || wrong);
        }
        Some(place)
    }

    /// The frame is over.
    #[inline]
    pub fn end_frame(&mut self, breaches: &mut Breaches) {
        self.cursor = self.frame.offset_max;
        let Some((before, after)) = self.frame.swapped else { return };
        if self.in_order && self.frame.merged_offset == 0 && !self.frame.is_mixed {
            breaches.add(BreachKind::Disorder, || Breach {
                kind: BreachKind::Disorder,
                client: self.client,
                subject: String::new(),
                detail: format!("o {after} after {before} in a frame without merged records"),
            });
        }
    }

    /// Enters an announced gap. Returns how many events it announces as missing.
    pub fn gap(&mut self, gap: &Gap, breaches: &mut Breaches) -> u64 {
        let slot = self.selection.by_name.slot(name_key(gap.symbol.as_bytes()));
        let channel = EventChannel::ALL.into_iter().find(|c| c.as_str() == gap.channel);
        let place = channel.zip(slot).and_then(|(channel, slot)| self.column(slot, channel));
        let Some(place) = place else {
            if self.selection.is_everything() {
                breaches.unchecked += 1;
            } else {
                breaches.add(BreachKind::Stranger, || Breach {
                    kind: BreachKind::Stranger,
                    client: self.client,
                    subject: format!("{} {}", gap.symbol, gap.channel),
                    detail: "a gap of what was not subscribed to".to_owned(),
                });
            }
            return 0;
        };
        let last = self.last[place];
        // `from` 1 stands for the client's own last + 1 where the server does not know the start.
        let fits = gap.from <= gap.to
            && gap.to > last
            && (gap.from == 1 || gap.from == last + 1 || last == 0);
        if !fits {
            self.breach(BreachKind::Announcement, place, breaches, || {
                format!("a gap {}..={} was announced after n {last}", gap.from, gap.to)
            });
        }
        self.last[place] = last.max(gap.to);
        let begin = if last == 0 { gap.from } else { last + 1 };
        (gap.to + 1).saturating_sub(begin)
    }

    #[inline]
    fn place(&self, event: &Event) -> Option<usize> {
        let index = self.by_id.as_deref().unwrap_or(&self.selection.by_name);
        self.column(index.slot(event.key)?, event.kind.channel())
    }

    #[inline]
    fn column(&self, slot: usize, channel: EventChannel) -> Option<usize> {
        let column = self.columns[channel as usize];
        (column != NO_COLUMN).then(|| slot * self.width + usize::from(column))
    }

    /// A number that does not follow on the last one.
    #[cold]
    fn irregular(&mut self, place: usize, event: &Event, breaches: &mut Breaches) {
        let last = self.last[place];
        let got = event.first_seq;
        self.last[place] = last.max(event.last_seq);
        if last == 0 {
            if self.snapshot && !event.snapshot {
                self.breach(BreachKind::Snapshot, place, breaches, || {
                    format!("begins with n {got}, which is not marked as a snapshot")
                });
            }
        } else if got > last + 1 {
            breaches.missing_events += got - last - 1;
            self.breach(BreachKind::Gap, place, breaches, || {
                format!("expected n {}, got {got}", last + 1)
            });
        } else {
            self.breach(BreachKind::Repeat, place, breaches, || {
                format!("expected n {}, got {got} again", last + 1)
            });
        }
    }

    /// Offsets: every one of a frame is beyond all frames before it, single events come in order, and merged records of
    /// one frame have the same.
    #[inline]
    fn order(&mut self, place: usize, event: &Event, breaches: &mut Breaches) {
        let offset = event.offset;
        if offset <= self.cursor {
            let cursor = self.cursor;
            self.breach(BreachKind::Disorder, place, breaches, || {
                format!("o {offset} in a later frame than o {cursor}")
            });
        }
        if let Some(splice) = self.splice.filter(|&splice| (offset > splice) == event.snapshot) {
            let snapshot = event.snapshot;
            self.breach(BreachKind::Disorder, place, breaches, || {
                format!("o {offset}, snapshot {snapshot}, though `subscribed` has cursor {splice}")
            });
        }
        let frame = &mut self.frame;
        if is_merged(event.kind) {
            let other = std::mem::replace(&mut frame.merged_offset, offset);
            if other != 0 && other != offset && !frame.is_answer {
                self.breach(BreachKind::Disorder, place, breaches, || {
                    format!("merged records of one frame have o {other} and {offset}")
                });
            }
        } else {
            let (offset_before, ts_before) = self.single;
            if offset <= offset_before {
                let late = offset <= self.cursor;
                frame.swapped = frame.swapped.or((!late).then_some((offset_before, offset)));
            } else if event.ts_us < ts_before && !frame.is_mixed {
                self.breach(BreachKind::Disorder, place, breaches, || {
                    format!("ts {} at o {offset} after {ts_before}", event.ts_us)
                });
            }
            self.single = (offset, event.ts_us);
        }
        self.frame.offset_max = self.frame.offset_max.max(offset);
    }

    /// Something came before its turn.
    #[cold]
    fn early(&self, what: &str, breaches: &mut Breaches) {
        breaches.add(BreachKind::Disorder, || Breach {
            kind: BreachKind::Disorder,
            client: self.client,
            subject: String::new(),
            detail: what.to_owned(),
        });
    }

    /// A symbol or a channel that is not in the books. With `*`, it may be one that is new on the server.
    #[cold]
    fn stranger(&self, event: &Event, breaches: &mut Breaches) {
        let subscribed = self.columns[event.kind.channel() as usize] != NO_COLUMN;
        if self.selection.is_everything() && subscribed {
            breaches.unchecked += 1;
            return;
        }
        breaches.add(BreachKind::Stranger, || Breach {
            kind: BreachKind::Stranger,
            client: self.client,
            subject: event.kind.channel().as_str().to_owned(),
            detail: format!("symbol {} at o {}", key_name(event.key), event.offset),
        });
    }

    #[cold]
    fn breach(
        &self,
        kind: BreachKind,
        place: usize,
        breaches: &mut Breaches,
        detail: impl FnOnce() -> String,
    ) {
        breaches.add(kind, || {
            let column = place % self.width;
            let channel = EventChannel::ALL
                .into_iter()
                .find(|&channel| usize::from(self.columns[channel as usize]) == column);
            let symbol = &self.selection.names()[place / self.width];
            let channel = channel.map_or("", EventChannel::as_str);
            let subject = format!("{symbol} {channel}");
            Breach { kind, client: self.client, subject, detail: detail() }
        });
    }
}

#[inline]
fn is_merged(kind: Kind) -> bool {
    matches!(kind, Kind::MergedTrades | Kind::MergedQuote)
}

/// What can be said of a symbol whose key is all that is known: its name, or its number.
fn key_name(key: u64) -> String {
    let bytes: Vec<u8> = key.to_le_bytes().into_iter().take_while(|&byte| byte != 0).collect();
    match String::from_utf8(bytes) {
        Ok(name) if feed_protocol::is_name(&name) => name,
        _ => format!("number {key}"),
    }
}
