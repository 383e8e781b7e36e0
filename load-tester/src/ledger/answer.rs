//! The books of a client that polls. An answer is a frame that says where it begins (the cursor that was asked with) and
//! where it ends (its own); in between, the rules are those of a stream. What an answer may claim is checked here.

use feed_protocol::Cursor;

use super::{Ledger, Stage};
use crate::breaches::{Breach, BreachKind, Breaches};

/// What an answer claims of its messages.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The cursor that was asked with.
    pub since: Option<&'a Cursor>,
    /// Where to go on.
    pub cursor: &'a Cursor,
    /// Whether everything behind `since` is there.
    pub recovered: Option<bool>,
}

impl Ledger {
    /// An answer begins; [`Self::begin_frame`] has been called. Returns whether the numbering has started again, so that
    /// nobody knows what was lost.
    pub fn begin_answer(&mut self, claim: &Claim<'_>, breaches: &mut Breaches) -> bool {
        self.stage = Stage::Subscribed;
        let Claim { since, cursor, recovered } = *claim;
        if since.is_some() != recovered.is_some() {
            self.wrong(breaches, || {
                format!("recovered is {recovered:?} in the answer to since {since:?}")
            });
        }
        // Without a cursor everything is a snapshot; with one, nothing is unless the rest was not to be had.
        self.splice = match (since, recovered) {
            (None, _) => Some(cursor.offset),
            (Some(since), Some(true)) => Some(since.offset),
            (Some(_), _) => None,
        };
        self.frame.is_answer = true;
        self.frame.is_mixed = recovered == Some(false);
        let restarted = since.is_some_and(|since| {
            since.epoch != cursor.epoch
                || (recovered == Some(false) && cursor.offset < since.offset)
        });
        if restarted {
            if recovered == Some(true) {
                self.wrong(breaches, || format!("recovered {since:?} in {cursor}"));
            }
            self.last.fill(0);
            (self.cursor, self.single, self.frame.offset_max) = (0, (0, 0), 0);
        } else if since.is_none() {
            // A snapshot's events are older than the cursor.
            (self.cursor, self.frame.offset_max) = (0, 0);
        }
        restarted
    }

    /// All messages of an answer have been entered; [`Self::end_frame`] is still to be called.
    pub fn end_answer(&mut self, cursor: &Cursor, breaches: &mut Breaches) {
        let reached = self.frame.offset_max;
        if reached > cursor.offset {
            self.wrong(breaches, || {
                format!("o {reached} in or before an answer with cursor {cursor}")
            });
        }
        self.heartbeat(cursor.offset);
    }

    #[cold]
    fn wrong(&self, breaches: &mut Breaches, detail: impl FnOnce() -> String) {
        breaches.add(BreachKind::Disorder, || Breach {
            kind: BreachKind::Disorder,
            client: self.client,
            subject: String::new(),
            detail: detail(),
        });
    }
}
