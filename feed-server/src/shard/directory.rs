//! The directory of a shard's audiences: finds those that take an event by an index of topics, and a list for those who take all
//! symbols; and keeps, apart from the audiences, what marking an event for them touches.

use std::rc::Rc;

use feed_protocol::{Channel, EventChannel, OnSlow, SymbolId};
use rustc_hash::FxHashMap;
use slab::Slab;

use super::audience::{Audience, AudienceId, Behaviour, Key, Selection};

/// What an event changes of an audience that takes it. Apart from everything else, as it is touched for each message that is
/// delivered: 32 bytes.
#[derive(Debug, Default)]
pub struct Marks {
    /// `Every`: places in the current batch that members are to be sent.
    pub pending: Vec<u32>,
    /// Whether nobody of the audience needs more than the place of an event: `Every` that merges for the slow.
    pub places_only: bool,
}

/// All audiences of a shard.
#[derive(Debug)]
pub struct Directory {
    audiences: Slab<Audience>,
    /// By audience.
    marks: Vec<Marks>,
    by_key: FxHashMap<Rc<Key>, AudienceId>,
    /// By symbol and [`Lane`].
    index: Vec<Vec<u32>>,
    /// Audiences that take a whole channel, by [`Lane`].
    all: [Vec<u32>; LANES],
    generation: u32,
}

/// Places in the index a symbol has: one a channel of events, and one for bars of any interval, which trades change.
const LANES: usize = 4;
const BARS_LANE: usize = 3;

impl Directory {
    /// For a universe of `symbols` symbols.
    #[must_use]
    pub fn new(symbols: usize) -> Self {
        Self {
            audiences: Slab::new(),
            marks: Vec::new(),
            by_key: FxHashMap::default(),
            index: vec![Vec::new(); symbols * LANES],
            all: Default::default(),
            generation: 0,
        }
    }

    /// The audience with these wishes; made if there is none.
    pub fn find_or_insert(&mut self, key: Key) -> AudienceId {
        if let Some(&id) = self.by_key.get(&key) {
            return id;
        }
        let key = Rc::new(key);
        self.generation += 1;
        let id = self.audiences.insert(Audience::new(key.clone(), self.generation));
        if self.marks.len() <= id {
            self.marks.resize_with(id + 1, Marks::default);
        }
        let places_only = key.behaviour == Behaviour::Every(OnSlow::Merge);
        self.marks[id] = Marks { pending: Vec::new(), places_only };
        let entry = u32::try_from(id).expect("fewer than 2^32 audiences");
        each_list(&key.selection, |list| match list {
            List::Whole(lane) => self.all[lane].push(entry),
            List::Symbol(place) => self.index[place].push(entry),
        });
        self.by_key.insert(key, id);
        id
    }

    /// Removes an audience that has no members any more.
    pub fn remove_if_empty(&mut self, id: AudienceId) {
        let Some(audience) = self.audiences.get(id) else { return };
        if !audience.attached.is_empty() || !audience.private.is_empty() {
            return;
        }
        let audience = self.audiences.remove(id);
        self.marks[id] = Marks::default();
        self.by_key.remove(&audience.key);
        let without = |list: &mut Vec<u32>| {
            if let Some(place) = list.iter().position(|entry| *entry as usize == id) {
                list.swap_remove(place);
            }
            if list.is_empty() {
                *list = Vec::new();
            }
        };
        each_list(&audience.key.selection, |list| match list {
            List::Whole(lane) => without(&mut self.all[lane]),
            List::Symbol(place) => without(&mut self.index[place]),
        });
    }

    /// How many audiences there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.audiences.len()
    }

    /// An audience that exists.
    #[must_use]
    pub fn get(&self, id: AudienceId) -> &Audience {
        &self.audiences[id]
    }

    /// An audience that exists.
    pub fn get_mut(&mut self, id: AudienceId) -> &mut Audience {
        &mut self.audiences[id]
    }

    /// An audience, if it still exists.
    pub fn find(&self, id: AudienceId) -> Option<&Audience> {
        self.audiences.get(id)
    }

    /// An audience, if it still exists.
    pub fn find_mut(&mut self, id: AudienceId) -> Option<&mut Audience> {
        self.audiences.get_mut(id)
    }

    /// What is marked for an audience.
    #[must_use]
    pub fn marks(&self, id: AudienceId) -> &Marks {
        &self.marks[id]
    }

    /// What is marked for an audience.
    pub fn marks_mut(&mut self, id: AudienceId) -> &mut Marks {
        &mut self.marks[id]
    }

    /// Marks an event of this topic, at this place of the batch: adds to `touched` the audiences that had nothing marked, and
    /// calls `other`, which does that itself, with those that need more than a mark.
    #[inline]
    pub fn mark(
        &mut self,
        (symbol, channel): (SymbolId, EventChannel),
        place: u32,
        touched: &mut Vec<AudienceId>,
        mut other: impl FnMut(AudienceId, &mut Audience, &mut Vec<u32>, &mut Vec<AudienceId>),
    ) {
        let Self { audiences, marks, index, all, .. } = self;
        let lane = channel as usize;
        for list in [&index[symbol.index() * LANES + lane], &all[lane]] {
            for &entry in list {
                let id = entry as usize;
                let Marks { pending, places_only } = &mut marks[id];
                if *places_only {
                    if pending.is_empty() {
                        touched.push(id);
                    }
                    pending.push(place);
                } else {
                    other(id, &mut audiences[id], pending, touched);
                }
            }
        }
    }

    /// Calls `visit` with every audience that takes events of this topic, and what is marked for it; without those that are
    /// marked with places only if `with_places_only` is not set.
    pub fn each_of_events(
        &mut self,
        (symbol, channel): (SymbolId, EventChannel),
        with_places_only: bool,
        mut visit: impl FnMut(AudienceId, &mut Audience, &mut Vec<u32>),
    ) {
        let Self { audiences, marks, index, all, .. } = self;
        let lane = channel as usize;
        for &entry in index[symbol.index() * LANES + lane].iter().chain(&all[lane]) {
            let id = entry as usize;
            if with_places_only || !marks[id].places_only {
                visit(id, &mut audiences[id], &mut marks[id].pending);
            }
        }
    }

    /// Calls `visit` with every audience that takes bars, of whatever interval, of this symbol.
    #[inline]
    pub fn each_of_bars(
        &mut self,
        symbol: SymbolId,
        mut visit: impl FnMut(AudienceId, &mut Audience),
    ) {
        for &entry in
            self.index[symbol.index() * LANES + BARS_LANE].iter().chain(&self.all[BARS_LANE])
        {
            let id = entry as usize;
            visit(id, &mut self.audiences[id]);
        }
    }
}

enum List {
    /// The list of a lane for all symbols.
    Whole(usize),
    /// The list at a place of the index.
    Symbol(usize),
}

fn each_list(selection: &Selection, mut visit: impl FnMut(List)) {
    let lane_of = |channel: Channel| match channel {
        Channel::Events(channel) => channel as usize,
        Channel::Bars(_) => BARS_LANE,
    };
    let mut whole = [false; LANES];
    for channel in selection.all.iter() {
        let lane = lane_of(channel);
        if !std::mem::replace(&mut whole[lane], true) {
            visit(List::Whole(lane));
        }
    }
    let mut last = None;
    for topic in &selection.some {
        let lane = lane_of(topic.channel());
        let place = topic.symbol().index() * LANES + lane;
        // Bars of several intervals of one symbol stand next to each other and take one entry.
        if !whole[lane] && last != Some(place) {
            visit(List::Symbol(place));
        }
        last = Some(place);
    }
}
