//! What one connection is subscribed to, as it was asked for, and what that amounts to: topics grouped by behaviour.
//! A symbol and channel belongs to one subscription at a time, the newest that named it. Knows nothing of events.

use feed_protocol::{ChannelSet, Mode, OnSlow, SubscriptionInfo, SymbolId, Universe};

use super::names::{Names, matching};
use crate::shard::audience::{Behaviour, Selection, Topic};

#[derive(Clone, Debug)]
struct Pattern {
    prefix: Box<str>,
    channels: ChannelSet,
    /// Symbols that were taken out, with the channels they were taken out of.
    except: Vec<(SymbolId, ChannelSet)>,
}

#[derive(Clone, Debug)]
struct Subscription {
    symbols: Vec<(SymbolId, ChannelSet)>,
    patterns: Vec<Pattern>,
    mode: Mode,
    interval_ms: u32,
    on_slow: OnSlow,
    /// The connection is sent every event of it after this offset.
    after: u64,
}

/// How a subscription wants its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// `every` or `latest`.
    pub mode: Mode,
    /// For `latest`.
    pub interval_ms: u32,
    /// When the connection does not keep up.
    pub on_slow: OnSlow,
}

/// All subscriptions of a connection, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions(Vec<Subscription>);

impl Subscriptions {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names held, as they were asked for; a pattern counts as one, whatever was taken out of it.
    #[must_use]
    pub fn names(&self) -> usize {
        self.0.iter().map(|s| s.symbols.len() + s.patterns.len()).sum()
    }

    /// Adds a subscription that is sent everything after the offset `after`; what it names leaves the older ones.
    pub fn subscribe(
        &mut self,
        names: &Names,
        channels: ChannelSet,
        manner: Manner,
        after: u64,
        universe: &Universe,
    ) {
        self.unsubscribe(names, channels, universe);
        self.0.push(Subscription {
            symbols: names.symbols.iter().map(|symbol| (*symbol, channels)).collect(),
            patterns: names
                .prefixes
                .iter()
                .map(|prefix| Pattern { prefix: prefix.clone(), channels, except: Vec::new() })
                .collect(),
            mode: manner.mode,
            interval_ms: manner.interval_ms,
            on_slow: manner.on_slow,
            after,
        });
    }

    /// Takes names out of every subscription, patterns included.
    pub fn unsubscribe(&mut self, names: &Names, channels: ChannelSet, universe: &Universe) {
        if self.is_empty() {
            return;
        }
        let mut named = names.symbols.clone();
        named.sort_unstable();
        for subscription in &mut self.0 {
            subscription.remove(names, &named, channels, universe);
        }
        self.0.retain(|s| !s.symbols.is_empty() || !s.patterns.is_empty());
    }

    /// Every topic held, in order, none twice.
    #[must_use]
    pub fn topics(&self, universe: &Universe) -> Vec<Topic> {
        let mut topics = Vec::new();
        for (_, selection) in self.selections(universe) {
            topics.extend(selection.expand(universe));
        }
        topics.sort_unstable();
        topics
    }

    /// Every topic of which the connection is sent all events after `offset`, in order, none twice.
    #[must_use]
    pub fn topics_after(&self, offset: u64, universe: &Universe) -> Vec<Topic> {
        let covering = self.0.iter().filter(|subscription| subscription.after <= offset);
        Self(covering.cloned().collect()).topics(universe)
    }

    /// What the connection is to be sent, by behaviour.
    #[must_use]
    pub fn selections(&self, universe: &Universe) -> Vec<(Behaviour, Selection)> {
        let mut grouped: Vec<(Behaviour, Selection)> = Vec::new();
        let mut select = |behaviour, all: ChannelSet, some: Vec<Topic>| {
            if all.is_empty() && some.is_empty() {
                return;
            }
            let place = grouped.iter().position(|(b, _)| *b == behaviour).unwrap_or_else(|| {
                grouped.push((behaviour, Selection::default()));
                grouped.len() - 1
            });
            grouped[place].1.extend(all, some);
        };
        for subscription in &self.0 {
            let (all, some) = subscription.topics(universe);
            let (bars, events) = some.into_iter().partition(|topic| topic.is_bar());
            select(subscription.behaviour(), all.and(ChannelSet::EVENTS), events);
            select(subscription.bar_behaviour(), all.without(ChannelSet::EVENTS), bars);
        }
        for (_, selection) in &mut grouped {
            selection.normalise();
        }
        grouped
    }

    /// For the answer to `list`.
    #[must_use]
    pub fn list(&self, universe: &Universe) -> Vec<SubscriptionInfo> {
        let mut listed: Vec<SubscriptionInfo> = Vec::new();
        for subscription in &self.0 {
            let start = listed.len();
            let mut add = |name: String, channels: ChannelSet| {
                let channels: Vec<_> = channels.iter().map(|c| c.as_str().to_owned()).collect();
                match listed[start..].iter_mut().find(|info| info.channels == channels) {
                    Some(info) => info.symbols.push(name),
                    None => listed.push(SubscriptionInfo {
                        symbols: vec![name],
                        channels,
                        mode: subscription.mode,
                        interval_ms: (subscription.mode == Mode::Latest)
                            .then_some(subscription.interval_ms),
                    }),
                }
            };
            for (symbol, channels) in &subscription.symbols {
                add(universe.get(*symbol).name.to_string(), *channels);
            }
            for pattern in &subscription.patterns {
                add(format!("{}*", pattern.prefix), pattern.channels);
            }
        }
        listed
    }
}

impl Subscription {
    fn behaviour(&self) -> Behaviour {
        let Self { mode, interval_ms, on_slow, .. } = *self;
        Behaviour::of(Manner { mode, interval_ms, on_slow })
    }

    fn bar_behaviour(&self) -> Behaviour {
        let wanted_ms = if self.mode == Mode::Latest { self.interval_ms } else { 0 };
        Behaviour::Bars { period_ms: wanted_ms.max(crate::shard::bars::PERIOD_MS_MIN) }
    }

    /// `sorted` are the single symbols of `names`.
    fn remove(
        &mut self,
        names: &Names,
        sorted: &[SymbolId],
        channels: ChannelSet,
        universe: &Universe,
    ) {
        let named = |symbol: SymbolId| {
            sorted.binary_search(&symbol).is_ok()
                || names
                    .prefixes
                    .iter()
                    .any(|prefix| universe.get(symbol).name.starts_with(&**prefix))
        };
        for (symbol, held) in &mut self.symbols {
            if !held.and(channels).is_empty() && named(*symbol) {
                *held = held.without(channels);
            }
        }
        self.symbols.retain(|(_, held)| !held.is_empty());
        for pattern in &mut self.patterns {
            pattern.remove(names, channels, universe);
        }
        self.patterns.retain(|pattern| !pattern.channels.is_empty());
    }

    /// Channels it takes of all symbols, and single topics.
    fn topics(&self, universe: &Universe) -> (ChannelSet, Vec<Topic>) {
        let mut all = ChannelSet::default();
        let mut some = Vec::new();
        for (symbol, channels) in &self.symbols {
            some.extend(channels.iter().map(|channel| Topic::new(*symbol, channel)));
        }
        for pattern in &self.patterns {
            let excepted = pattern.except.iter().fold(0, |bits, (_, channels)| bits | channels.0);
            let whole = if pattern.prefix.is_empty() {
                pattern.channels.without(ChannelSet(excepted))
            } else {
                ChannelSet::default()
            };
            all = ChannelSet(all.0 | whole.0);
            let partly = pattern.channels.without(whole);
            if partly.is_empty() {
                continue;
            }
            for symbol in matching(&pattern.prefix, universe) {
                let left = partly.without(pattern.excepted(symbol));
                some.extend(left.iter().map(|channel| Topic::new(symbol, channel)));
            }
        }
        (all, some)
    }
}

impl Pattern {
    fn excepted(&self, symbol: SymbolId) -> ChannelSet {
        match self.except.binary_search_by_key(&symbol, |(symbol, _)| *symbol) {
            Ok(place) => self.except[place].1,
            Err(_) => ChannelSet::default(),
        }
    }

    fn remove(&mut self, names: &Names, channels: ChannelSet, universe: &Universe) {
        if self.channels.and(channels).is_empty() {
            return;
        }
        if names.prefixes.iter().any(|prefix| self.prefix.starts_with(&**prefix)) {
            self.channels = self.channels.without(channels);
        } else {
            let own: Vec<SymbolId> = names
                .expand(universe)
                .into_iter()
                .filter(|symbol| universe.get(*symbol).name.starts_with(&*self.prefix))
                .collect();
            for symbol in own {
                match self.except.binary_search_by_key(&symbol, |(symbol, _)| *symbol) {
                    Ok(place) => self.except[place].1.0 |= channels.0,
                    Err(place) => self.except.insert(place, (symbol, channels)),
                }
            }
        }
        for (_, excepted) in &mut self.except {
            *excepted = excepted.and(self.channels);
        }
        self.except.retain(|(_, excepted)| !excepted.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use feed_protocol::{Channel, EventChannel, Interval, Symbol};
    use proptest::prelude::*;

    use super::super::names::topics_of;
    use super::*;

    const NAMES: [&str; 6] = ["A", "AB", "ABC", "B", "BA", "C"];
    const ASKED: [&str; 9] = ["A", "AB", "ABC", "B", "C", "*", "A*", "AB*", "Z*"];

    fn universe() -> Universe {
        let symbol = |name: &&str| Symbol { name: (*name).into(), places: 2, title: "".into() };
        Universe::new(NAMES.iter().map(symbol).collect()).unwrap()
    }

    fn manner(latest: bool) -> Manner {
        let mode = if latest { Mode::Latest } else { Mode::Every };
        Manner { mode, interval_ms: 0, on_slow: OnSlow::Merge }
    }

    #[derive(Clone, Debug)]
    struct Step {
        subscribe: bool,
        latest: bool,
        asked: Vec<usize>,
        channels: ChannelSet,
    }

    fn step() -> impl Strategy<Value = Step> {
        let channels = prop::sample::subsequence(
            vec![
                Channel::Events(EventChannel::Trades),
                Channel::Events(EventChannel::Quotes),
                Channel::Bars(Interval::M1),
            ],
            1..=3,
        );
        let asked = prop::collection::vec(0..ASKED.len(), 1..4);
        (any::<bool>(), any::<bool>(), asked, channels).prop_map(
            |(subscribe, latest, asked, channels)| Step {
                subscribe,
                latest,
                asked,
                channels: channels.into_iter().collect(),
            },
        )
    }

    proptest! {
        /// The model: a plain map from topic to the mode of the subscription that holds it.
        #[test]
        fn a_topic_belongs_to_the_newest_subscription_that_named_it(
            steps in prop::collection::vec(step(), 1..12),
        ) {
            let universe = universe();
            let mut subscriptions = Subscriptions::default();
            let mut model: BTreeMap<Topic, bool> = BTreeMap::new();
            for step in steps {
                let asked: Vec<_> = step.asked.iter().map(|&i| ASKED[i].to_owned()).collect();
                let names = Names::resolve(&asked, &universe).unwrap();
                let topics = topics_of(&names, step.channels, &universe);
                if step.subscribe {
                    let manner = manner(step.latest);
                    subscriptions.subscribe(&names, step.channels, manner, 0, &universe);
                    model.extend(topics.into_iter().map(|topic| (topic, step.latest)));
                } else {
                    subscriptions.unsubscribe(&names, step.channels, &universe);
                    model.retain(|topic, _| !topics.contains(topic));
                }
            }
            let expected: Vec<_> = model.keys().copied().collect();
            prop_assert_eq!(subscriptions.topics(&universe), expected);
            for (behaviour, selection) in subscriptions.selections(&universe) {
                for topic in selection.expand(&universe) {
                    let latest = matches!(behaviour, Behaviour::Latest { .. });
                    prop_assert!(topic.is_bar() || model[&topic] == latest);
                    prop_assert!(selection.contains(topic));
                }
            }
        }
    }

    #[test]
    fn the_list_repeats_what_was_asked_for() {
        let universe = universe();
        let mut subscriptions = Subscriptions::default();
        let names = Names::resolve(&["C".into(), "A*".into()], &universe).unwrap();
        let both = ChannelSet(0b11);
        subscriptions.subscribe(&names, both, manner(false), 0, &universe);
        let c = Names::resolve(&["C".into()], &universe).unwrap();
        subscriptions.unsubscribe(&c, ChannelSet(0b10), &universe);
        let listed: Vec<_> = subscriptions
            .list(&universe)
            .into_iter()
            .map(|info| (info.symbols.join(" "), info.channels.join(" ")))
            .collect();
        assert_eq!(
            listed,
            [("C".into(), "trades".into()), ("A*".into(), "trades quotes".to_owned())]
        );
    }
}
