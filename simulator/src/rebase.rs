//! Moves a recorded stream to another time: a replay in a server happens now, whenever it was recorded.
//! Stands between a replay and a real-time `Pacer`.
//! Changes nothing but `ts_us`, and never its order.

use feed_protocol::Tick;

/// `ts → origin + (ts − first ts) / speed`: the first tick is at the origin, the others at their
/// distances, shortened by the speed.
#[derive(Debug)]
pub struct Rebased<S> {
    source: S,
    origin_us: i64,
    speed: f64,
    first_us: Option<i64>,
}

impl<S: Iterator<Item = Tick>> Rebased<S> {
    /// Puts the first tick of `source` at `origin_us` (µs since the Unix epoch). `speed` is finite
    /// and above 0.
    #[must_use]
    pub fn new(source: S, origin_us: i64, speed: f64) -> Self {
        assert!(speed > 0.0 && speed.is_finite(), "a speed is above 0, {speed} is not");
        Self { source, origin_us, speed, first_us: None }
    }

    /// Gives the source back, to ask it how it ended.
    pub fn into_inner(self) -> S {
        self.source
    }
}

impl<S: Iterator<Item = Tick>> Iterator for Rebased<S> {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        let tick = self.source.next()?;
        let since_us = tick.ts_us - *self.first_us.get_or_insert(tick.ts_us);
        let scaled_us =
            if self.speed == 1.0 { since_us } else { (since_us as f64 / self.speed) as i64 };
        Some(Tick { ts_us: self.origin_us + scaled_us, ..tick })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use feed_protocol::{Body, SymbolId, TradingStatus};

    #[test]
    fn keeps_distances_and_scales_them() {
        let tick =
            |ts_us| Tick { symbol: SymbolId(0), ts_us, body: Body::Status(TradingStatus::Trading) };
        let times = |speed| -> Vec<i64> {
            let source = [500, 500, 1500].map(tick).into_iter();
            Rebased::new(source, 9000, speed).map(|tick| tick.ts_us).collect()
        };
        assert_eq!(times(1.0), [9000, 9000, 10_000]);
        assert_eq!(times(4.0), [9000, 9000, 9250]);
    }
}
