//! How the stream's time and the wall clock belong together: a pace and a common instant.
//! The `Pacer` asks it when a tick is due and how far the stream has come.
//! Arithmetic, but for the one function that reads the system's clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// How fast the stream's time runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many seconds of the stream in a second; 1 is real time. Finite and above 0.
    Speed(f64),
    /// Without waiting.
    Max,
}

impl Pace {
    /// When something of the stream is due by the wall clock.
    pub(crate) fn due_us(self, origin: Origin, ts_us: i64) -> i64 {
        match self {
            Pace::Speed(1.0) => origin.wall_us + (ts_us - origin.ts_us),
            Pace::Speed(speed) => {
                origin.wall_us + ((ts_us - origin.ts_us) as f64 / speed).ceil() as i64
            }
            Pace::Max => i64::MIN,
        }
    }

    /// The stream's time at an instant of the wall clock.
    pub(crate) fn stream_us(self, origin: Origin, wall_us: i64) -> i64 {
        match self {
            Pace::Speed(1.0) => origin.ts_us + (wall_us - origin.wall_us),
            Pace::Speed(speed) => {
                origin.ts_us + ((wall_us - origin.wall_us) as f64 * speed).floor() as i64
            }
            Pace::Max => i64::MAX,
        }
    }
}

impl std::str::FromStr for Pace {
    type Err = String;

    /// `max`, or a factor such as `1`, `0.5` or `20x`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.strip_suffix('x').unwrap_or(text).parse::<f64>() {
            Ok(speed) if (1e-6..=1e6).contains(&speed) => Ok(Self::Speed(speed)),
            _ => Err("a speed is `max` or a factor between 0.000001 and 1000000, e.g. `20`".into()),
        }
    }
}

/// Ties the stream's time to the wall clock: what bears `ts_us` is due at `wall_us`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// An instant of the stream, µs since the Unix epoch.
    pub ts_us: i64,
    /// When it is due, µs since the Unix epoch.
    pub wall_us: i64,
}

impl Origin {
    /// The stream's `ts_us` is now.
    #[must_use]
    pub fn now(ts_us: i64) -> Self {
        Self { ts_us, wall_us: wall_clock_us() }
    }

    /// The stream's time is the wall clock: for a plan that starts now.
    #[must_use]
    pub fn wall(start_us: i64) -> Self {
        Self { ts_us: start_us, wall_us: start_us }
    }
}

/// µs since the Unix epoch by the system's clock.
#[must_use]
pub fn wall_clock_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces_are_read_from_text() {
        assert_eq!("max".parse(), Ok(Pace::Max));
        assert_eq!("20x".parse(), Ok(Pace::Speed(20.0)));
        assert_eq!("0.5".parse(), Ok(Pace::Speed(0.5)));
        for bad in ["", "0", "-1", "inf", "NaN", "fast"] {
            assert!(bad.parse::<Pace>().is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_is_due_before_the_stream_has_come_to_it() {
        let origin = Origin { ts_us: 1000, wall_us: 50_000 };
        for pace in [0.3, 1.0, 7.0].map(Pace::Speed) {
            for ts_us in 1000..1100 {
                let due_us = pace.due_us(origin, ts_us);
                assert!((ts_us - 1..=ts_us + 7).contains(&pace.stream_us(origin, due_us)));
            }
        }
        assert_eq!(Pace::Speed(2.0).due_us(origin, 1101), 50_051);
    }
}
