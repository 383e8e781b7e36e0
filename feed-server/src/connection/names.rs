//! Names of symbols as a request gives them, one by one or as patterns, looked up in the universe.

use feed_protocol::{Channel, ChannelSet, Rejection, SymbolId, Universe, unknown_symbols};

use crate::shard::audience::{Selection, Topic};

/// Names of a request, looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Symbols named one by one.
    pub symbols: Vec<SymbolId>,
    /// Patterns without their `*`: the empty one is all symbols.
    pub prefixes: Vec<Box<str>>,
}

impl Names {
    /// Looks names up that are well-formed.
    ///
    /// # Errors
    /// Names that are no symbols, all of them in one refusal.
    pub fn resolve(names: &[String], universe: &Universe) -> Result<Self, Rejection> {
        let mut resolved = Self::default();
        let mut unknown = Vec::new();
        for name in names {
            match name.strip_suffix('*') {
                Some(prefix) => resolved.prefixes.push(prefix.into()),
                None => match universe.find(name) {
                    Some(symbol) => resolved.symbols.push(symbol),
                    None => unknown.push(name),
                },
            }
        }
        if unknown.is_empty() { Ok(resolved) } else { Err(unknown_symbols(&unknown)) }
    }

    /// As for [`resolve`](Self::resolve), but names that are no symbols are left out.
    #[must_use]
    pub fn resolve_known(names: &[String], universe: &Universe) -> Self {
        let known = |name: &&String| name.ends_with('*') || universe.find(name).is_some();
        let names: Vec<_> = names.iter().filter(known).cloned().collect();
        Self::resolve(&names, universe).unwrap_or_default()
    }

    /// How many names there are; a pattern counts as one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.symbols.len() + self.prefixes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every symbol that a name or a pattern means, in order of ids, none twice.
    #[must_use]
    pub fn expand(&self, universe: &Universe) -> Vec<SymbolId> {
        if self.prefixes.iter().any(|prefix| prefix.is_empty()) {
            return universe.iter().map(|(id, _)| id).collect();
        }
        let mut symbols = self.symbols.clone();
        for prefix in &self.prefixes {
            symbols.extend(matching(prefix, universe));
        }
        symbols.sort_unstable();
        symbols.dedup();
        symbols
    }

    /// What the names mean on some channels, as an audience takes it.
    #[must_use]
    pub fn selection(&self, channels: ChannelSet, universe: &Universe) -> Selection {
        let mut selection = Selection::default();
        if self.prefixes.iter().any(|prefix| prefix.is_empty()) {
            selection.extend(channels, Vec::new());
        } else {
            selection.extend(ChannelSet::default(), topics_of(self, channels, universe));
        }
        selection.normalise();
        selection
    }
}

/// Every symbol whose name begins with `prefix`.
pub(super) fn matching<'a>(
    prefix: &'a str,
    universe: &'a Universe,
) -> impl Iterator<Item = SymbolId> + 'a {
    universe.iter().filter(move |(_, symbol)| symbol.name.starts_with(prefix)).map(|(id, _)| id)
}

/// Every topic of `names` and `channels`, in order, none twice.
#[must_use]
pub fn topics_of(names: &Names, channels: ChannelSet, universe: &Universe) -> Vec<Topic> {
    let symbols = names.expand(universe);
    let mut topics = Vec::with_capacity(symbols.len() * channels.iter().count());
    for symbol in symbols {
        topics.extend(channels.iter().map(|channel: Channel| Topic::new(symbol, channel)));
    }
    topics
}
