//! Medians with their spread.

/// Median, least and greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Of an even number of values the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
    /// How many there are.
    pub count: usize,
}

impl Spread {
    /// Of these values; none of no values.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.collect();
        values.sort_by(f64::total_cmp);
        let (&least, &greatest) = (values.first()?, values.last()?);
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { median, least, greatest, count: values.len() })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = if self.median.abs() < 0.095 {
            3
        } else if self.median.abs() < 10.0 {
            2
        } else {
            0
        };
        write!(f, "{:.digits$} ({:.digits$}–{:.digits$})", self.median, self.least, self.greatest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let spread = Spread::of([3.0, 1.0, 2.0].into_iter()).unwrap();
        assert_eq!(spread, Spread { median: 2.0, least: 1.0, greatest: 3.0, count: 3 });
        assert_eq!(Spread::of([4.0, 1.0].into_iter()).unwrap().median, 2.5);
        assert_eq!(Spread::of(std::iter::empty()), None);
        assert_eq!(spread.to_string(), "2.00 (1.00–3.00)");
    }
}
