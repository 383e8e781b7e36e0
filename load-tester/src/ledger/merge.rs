//! Whether a merged record makes sense by itself: what it stands for, its range of prices, and that it does not cross a
//! second, without which bars made of merged records would differ from bars made of trades.

use feed_protocol::US_PER_SECOND;

use crate::scan::{Event, Merge};

/// What is wrong with a merged record, if anything is.
#[inline]
pub(super) fn contradiction(event: &Event) -> Option<String> {
    let Event { first_seq, last_seq, ts_us, .. } = *event;
    if first_seq > last_seq {
        return Some(format!("n0 {first_seq} is above n {last_seq}"));
    }
    let Merge { first_ts_us, open, high, low, price, count } = event.merge?;
    if count != last_seq - first_seq + 1 {
        Some(format!("c is {count} for {first_seq}..={last_seq}"))
    } else if count == 1 {
        Some("a record of one trade should have left as that trade".to_owned())
    } else if high < open.max(price) || low > open.min(price) {
        Some(format!("O {open} H {high} L {low} p {price}"))
    } else if first_ts_us > ts_us || first_ts_us / US_PER_SECOND != ts_us / US_PER_SECOND {
        Some(format!("ts0 {first_ts_us} and ts {ts_us} are not of one second"))
    } else {
        None
    }
}
