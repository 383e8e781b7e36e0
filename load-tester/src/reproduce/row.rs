//! A published figure beside ours. Agreement is decided on what is comparable: ours without parts that theirs has not, each
//! of them named with its size; the tolerance is stated.

use serde::Serialize;

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Of both figures.
    pub unit: &'static str,
    /// Published.
    pub theirs: Option<f64>,
    /// Measured here.
    pub ours: f64,
    /// Ours without what theirs has not.
    pub comparable: f64,
    /// How far apart both may be, as a part of theirs.
    pub within: Option<f64>,
    /// Whether they are not further apart; `None` where nothing is compared.
    pub agrees: Option<bool>,
    /// Where the difference is from.
    pub why: String,
}

impl Row {
    /// Ours alone, for context.
    #[must_use]
    pub fn ours(what: impl Into<String>, unit: &'static str, ours: f64, why: &str) -> Self {
        Self {
            what: what.into(),
            unit,
            theirs: None,
            ours,
            comparable: ours,
            within: None,
            agrees: None,
            why: why.to_owned(),
        }
    }

    /// Both, which agree if they are apart by at most `within` of theirs.
    #[must_use]
    pub fn compared(
        what: impl Into<String>,
        unit: &'static str,
        theirs: f64,
        ours: f64,
        within: f64,
    ) -> Self {
        let row =
            Self { theirs: Some(theirs), within: Some(within), ..Self::ours(what, unit, ours, "") };
        row.judged()
    }

    /// Of ours, `bytes` are something that theirs has not.
    #[must_use]
    pub fn less(mut self, bytes: f64, what: &str) -> Self {
        self.comparable -= bytes;
        self.because(&format!("{bytes:.1} are {what}")).judged()
    }

    /// A further reason.
    #[must_use]
    pub fn because(mut self, why: &str) -> Self {
        self.why += if self.why.is_empty() { "" } else { "; " };
        self.why += why;
        self
    }

    fn judged(mut self) -> Self {
        self.agrees = self.theirs.zip(self.within).map(|(theirs, within)| {
            // Rounding of the published figure is no disagreement.
            (self.comparable - theirs).abs() <= theirs.abs() * within + 1e-9
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_judged_by_what_is_comparable() {
        let row = Row::compared("SSE", "B", 8.0, 31.0, 0.05);
        assert_eq!(row.agrees, Some(false));
        let row = row.less(17.0, "`id:`").less(6.0, "the chunk's header");
        assert_eq!((row.agrees, row.comparable), (Some(true), 8.0));
        assert_eq!(row.why, "17.0 are `id:`; 6.0 are the chunk's header");
        assert_eq!(Row::ours("x", "B", 1.0, "").agrees, None);
    }
}
