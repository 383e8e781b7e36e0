//! Bars of every symbol and interval, for charts: `GET /v1/bars` and the `b` messages.
//! Written by the ingest thread, read seldom, so a lock a symbol is enough. Memory has one bound, shared over all symbols.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use feed_protocol::{Bar, Interval, SymbolId, Trade, US_PER_SECOND};

/// Bars kept a symbol when memory allows, by interval from 1 s to 1 day.
const KEPT: [usize; 7] = [5000, 2000, 2000, 1500, 1000, 1500, 750];
/// Bars kept of each interval however little memory there is.
const KEPT_MIN: usize = 4;

/// A bar as a reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenBar {
    /// The bar.
    pub bar: Bar,
    /// Whether no more trades can come into it.
    pub is_final: bool,
}

/// [`Bar`] in 48 bytes.
#[derive(Clone, Copy, Debug)]
struct Kept {
    start_s: u32,
    count: u32,
    volume: u64,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
}

impl Kept {
    fn of(bar: &Bar) -> Self {
        Self {
            // Seconds since 1970 fit until 2106; what does not fit is clamped, never wrapped.
            start_s: u32::try_from(bar.start_us.div_euclid(US_PER_SECOND).max(0))
                .unwrap_or(u32::MAX),
            count: u32::try_from(bar.count).unwrap_or(u32::MAX),
            volume: bar.volume,
            open: bar.open,
            high: bar.high,
            low: bar.low,
            close: bar.close,
        }
    }

    fn bar(&self) -> Bar {
        Bar {
            start_us: i64::from(self.start_s) * US_PER_SECOND,
            open: self.open,
            high: self.high,
            low: self.low,
            close: self.close,
            volume: self.volume,
            count: self.count.into(),
        }
    }

    fn absorb(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
        self.count = self.count.saturating_add(later.count);
    }
}

/// Bars of a symbol. A trade touches one bar only: the second that is going on goes into the bars of each interval when the
/// next begins, or when somebody looks.
#[derive(Debug, Default)]
struct Series {
    /// What of this second is in no list yet.
    second: Option<Kept>,
    bars: [VecDeque<Kept>; 7],
}

impl Series {
    /// Takes a trade in.
    fn add(&mut self, trade: &Kept, kept: &[usize; 7]) {
        match &mut self.second {
            // A trade that comes late goes where the newest one went.
            Some(second) if second.start_s >= trade.start_s => second.absorb(trade),
            _ => {
                self.settle(kept);
                self.second = Some(*trade);
            }
        }
    }

    /// Puts the second that is going on into the bars.
    fn settle(&mut self, kept: &[usize; 7]) {
        let Some(second) = self.second.take() else { return };
        for interval in Interval::ALL {
            let seconds = (interval.us() / US_PER_SECOND) as u32;
            let start_s = second.start_s - second.start_s % seconds;
            let bars = &mut self.bars[interval as usize];
            push(bars, Kept { start_s, ..second }, kept[interval as usize]);
        }
    }
}

/// Bars of every symbol.
#[derive(Debug)]
pub struct BarStore {
    symbols: Box<[Mutex<Series>]>,
    kept: [usize; 7],
}

impl BarStore {
    /// Room for the bars of `symbols` symbols within about `bytes`.
    #[must_use]
    pub fn new(symbols: usize, bytes: usize) -> Self {
        let wanted = symbols.max(1) * KEPT.iter().sum::<usize>() * size_of::<Kept>();
        let share = (bytes as f64 / wanted as f64).min(1.0);
        Self {
            symbols: (0..symbols).map(|_| Mutex::default()).collect(),
            kept: KEPT.map(|kept| ((kept as f64 * share) as usize).max(KEPT_MIN)),
        }
    }

    /// How many bars of `interval` are kept a symbol.
    #[must_use]
    pub fn kept(&self, interval: Interval) -> usize {
        self.kept[interval as usize]
    }

    /// Takes a trade in.
    pub fn add(&self, symbol: SymbolId, ts_us: i64, trade: Trade) {
        let second = Kept::of(&Bar::of(Interval::S1.start_us(ts_us), trade));
        self.lock(symbol).add(&second, &self.kept);
    }

    /// Puts bars of the past under a symbol, oldest first and before any trade: each a finished bar of its base interval.
    /// Coarser intervals are built from them, finer ones have none there.
    pub fn seed(&self, symbol: SymbolId, past: impl IntoIterator<Item = (Interval, Bar)>) {
        let mut series = self.lock(symbol);
        series.settle(&self.kept);
        for (base, bar) in past {
            for interval in Interval::ALL.into_iter().filter(|interval| *interval >= base) {
                let start_us = interval.start_us(bar.start_us);
                let kept = Kept::of(&Bar { start_us, ..bar });
                push(&mut series.bars[interval as usize], kept, self.kept(interval));
            }
        }
    }

    /// Bars that start in `from_us..to_us`, oldest first: the newest `limit` of them. A bar is final when a newer one is
    /// there or `watermark_us` has reached its end.
    #[must_use]
    pub fn range(
        &self,
        symbol: SymbolId,
        interval: Interval,
        (from_us, to_us): (i64, i64),
        limit: usize,
        watermark_us: i64,
    ) -> Vec<SeenBar> {
        let mut series = self.lock(symbol);
        series.settle(&self.kept);
        let bars = &series.bars[interval as usize];
        let start = bars.partition_point(|kept| kept.bar().start_us < from_us);
        let end = bars.partition_point(|kept| kept.bar().start_us < to_us).max(start);
        let start = start.max(end.saturating_sub(limit));
        bars.range(start..end)
            .enumerate()
            .map(|(place, kept)| {
                let bar = kept.bar();
                let is_newest = start + place + 1 == bars.len();
                let ended = watermark_us >= bar.start_us.saturating_add(interval.us());
                SeenBar { bar, is_final: !is_newest || ended }
            })
            .collect()
    }

    fn lock(&self, symbol: SymbolId) -> MutexGuard<'_, Series> {
        self.symbols[symbol.index()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push(bars: &mut VecDeque<Kept>, bar: Kept, kept: usize) {
    match bars.back_mut() {
        Some(last) if last.start_s >= bar.start_s => last.absorb(&bar),
        _ => {
            if bars.len() == kept {
                bars.pop_front();
            }
            bars.push_back(bar);
        }
    }
}

#[cfg(test)]
mod tests {
    use feed_protocol::Aggressor;
    use proptest::prelude::*;

    use super::*;

    const ALL: (i64, i64) = (i64::MIN, i64::MAX);

    fn trade(price: i64, size: u32) -> Trade {
        Trade { price, size, aggressor: Aggressor::Buyer }
    }

    #[test]
    fn a_coarse_bar_is_the_sum_of_the_fine_ones() {
        let store = BarStore::new(1, 1 << 20);
        let aapl = SymbolId(0);
        for (second, price) in [(0, 10), (1, 14), (1, 8), (4, 9), (60, 11), (61, 12)] {
            store.add(aapl, second * US_PER_SECOND + 5, trade(price, 2));
        }
        let minutes = store.range(aapl, Interval::M1, ALL, 10, 62 * US_PER_SECOND);
        let first = Bar { start_us: 0, open: 10, high: 14, low: 8, close: 9, volume: 8, count: 4 };
        assert_eq!(minutes[0], SeenBar { bar: first, is_final: true });
        assert_eq!(
            (minutes[1].bar.open, minutes[1].bar.close, minutes[1].is_final),
            (11, 12, false)
        );
        let seconds = store.range(aapl, Interval::S1, ALL, 10, 62 * US_PER_SECOND);
        assert_eq!(seconds.len(), 5, "no bar where there was no trade");
        assert!(seconds[4].is_final, "the watermark has passed its end");
    }

    proptest! {
        /// Whenever somebody looks, and however trades are late, each bar is what its trades make it.
        #[test]
        fn looking_changes_nothing(
            steps in proptest::collection::vec((-3_i64..40, 1_i64..100, any::<bool>()), 1..200)
        ) {
            let (looked_at, alone) = (BarStore::new(1, 1 << 20), BarStore::new(1, 1 << 20));
            let mut second = 0;
            let mut model: [Vec<Bar>; 7] = Default::default();
            for (passed, price, looks) in steps {
                second = (second + passed).max(0);
                let ts_us = second * US_PER_SECOND;
                looked_at.add(SymbolId(0), ts_us, trade(price, 1));
                alone.add(SymbolId(0), ts_us, trade(price, 1));
                for interval in Interval::ALL {
                    let bar = Bar::of(interval.start_us(ts_us), trade(price, 1));
                    let bars = &mut model[interval as usize];
                    match bars.last_mut().filter(|last| last.start_us >= bar.start_us) {
                        Some(last) => last.absorb(&Bar { start_us: last.start_us, ..bar }),
                        None => bars.push(bar),
                    }
                }
                if looks {
                    let _ = looked_at.range(SymbolId(0), Interval::M1, ALL, 10, 0);
                }
            }
            for interval in Interval::ALL {
                for store in [&looked_at, &alone] {
                    let seen = store.range(SymbolId(0), interval, ALL, 1000, 0);
                    let bars: Vec<_> = seen.iter().map(|seen| seen.bar).collect();
                    prop_assert_eq!(&bars, &model[interval as usize]);
                }
            }
        }
    }

    #[test]
    fn the_newest_of_a_range_are_kept_and_bounds_are_half_open() {
        let store = BarStore::new(1, 1 << 20);
        for second in 0..10 {
            store.add(SymbolId(0), second * US_PER_SECOND, trade(second + 1, 1));
        }
        let opens = |range, limit| {
            let bars = store.range(SymbolId(0), Interval::S1, range, limit, 0);
            bars.iter().map(|seen| seen.bar.open).collect::<Vec<_>>()
        };
        assert_eq!(opens((2_000_000, 5_000_000), 10), [3, 4, 5]);
        assert_eq!(opens((2_000_000, 5_000_000), 2), [4, 5]);
        assert_eq!(opens((5_000_000, 5_000_000), 2), Vec::<i64>::new());
    }

    #[test]
    fn memory_is_bounded_however_many_symbols() {
        let small = BarStore::new(100_000, 128 << 20);
        let bars: usize = Interval::ALL.into_iter().map(|interval| small.kept(interval)).sum();
        assert!(bars * size_of::<Kept>() * 100_000 <= (128 << 20) + 100_000 * 7 * KEPT_MIN * 48);
        for second in 0..50 {
            small.add(SymbolId(7), second * US_PER_SECOND, trade(1, 1));
        }
        let kept = small.range(SymbolId(7), Interval::S1, ALL, 5000, 0);
        assert_eq!(kept.len(), small.kept(Interval::S1));
    }

    #[test]
    fn the_past_is_built_from_bars_of_growing_width() {
        let store = BarStore::new(1, 1 << 20);
        let bar = |start_s: i64, price| Bar::of(start_s * US_PER_SECOND, trade(price, 1));
        store.seed(
            SymbolId(0),
            [(Interval::M1, bar(0, 5)), (Interval::S1, bar(60, 7)), (Interval::S1, bar(61, 6))],
        );
        store.add(SymbolId(0), 62 * US_PER_SECOND, trade(9, 1));
        assert_eq!(store.range(SymbolId(0), Interval::S1, ALL, 10, 0).len(), 3);
        let minutes = store.range(SymbolId(0), Interval::M1, ALL, 10, 0);
        let last = minutes[1].bar;
        assert_eq!((last.open, last.high, last.low, last.close, last.count), (7, 9, 6, 9, 3));
    }
}
