//! One buffer to many sockets: whoever does not take all of it is told of, with what of it was taken.

use slab::Slab;

use super::audience::ConnectionId;
use super::counters::{Counters, Transport};
use super::member::Member;
use super::outbox::{Sink, Written, write};

/// What was written to a member that did not take all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shortfall {
    pub id: ConnectionId,
    /// Bytes taken; `None` if the connection is broken.
    pub taken: Option<usize>,
}

/// Writes the same bytes to every member; tells who did not take all.
pub(super) fn broadcast<S: Sink>(
    members: &mut Slab<Member<S>>,
    ids: &[ConnectionId],
    bytes: &[u8],
    transport: Transport,
    counters: &Counters,
) -> Vec<Shortfall> {
    let mut shortfalls = Vec::new();
    let (mut total, mut writes) = (0, 0);
    for &id in ids {
        let taken = match write(&mut members[id].sink, bytes) {
            Written::All => {
                total += bytes.len();
                writes += 1;
                continue;
            }
            Written::Part(taken) => Some(taken),
            Written::Broken => None,
        };
        total += taken.unwrap_or(0);
        writes += u64::from(taken.is_some_and(|taken| taken > 0));
        shortfalls.push(Shortfall { id, taken });
    }
    counters.bytes(transport).add(total as u64);
    counters.writes.add(writes);
    shortfalls
}
