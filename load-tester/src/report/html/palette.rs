//! Which colour a lane has: always the same for the same transport, so that two reports can be held side by side.

/// Transports with a colour of their own, in the order of the style's `--c0`, `--c1` …; others get the next ones.
const KNOWN: [&str; 6] = ["ws-json", "ws-msgpack", "sse", "stream", "long-poll", "poll"];

/// How a lane is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Number of the colour.
    pub slot: usize,
    /// Dashed lines: HTTP/2, whose transport has the colour already.
    pub dashed: bool,
}

/// The looks of lanes with these names.
#[must_use]
pub fn looks(transports: &[&str]) -> Vec<Look> {
    let mut taken: Vec<(usize, &str)> = Vec::new();
    let mut looks = Vec::new();
    for transport in transports {
        let (name, dashed) =
            transport.strip_suffix("/h2").map_or((*transport, false), |name| (name, true));
        let family = name.split(':').next().unwrap_or(name);
        let known = KNOWN.iter().position(|known| *known == family);
        let same = taken.iter().find(|(_, taken)| *taken == name).map(|&(slot, _)| slot);
        let free = |slot: &usize| taken.iter().all(|(taken, _)| taken != slot);
        let slot = same.or_else(|| known.filter(free)).or_else(|| (KNOWN.len()..).find(free));
        let slot = slot.expect("there is always a next number");
        taken.push((slot, name));
        looks.push(Look { slot, dashed });
    }
    looks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_transport_has_the_same_colour() {
        let look = |slot, dashed| Look { slot, dashed };
        assert_eq!(
            looks(&["sse/h2", "poll:1s", "poll:5s", "sse", "own", "ws-json"]),
            [
                look(2, true),
                look(5, false),
                look(6, false),
                look(2, false),
                look(7, false),
                look(0, false)
            ]
        );
    }
}
