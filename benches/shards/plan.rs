//! What a process is to do, also as its arguments.

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its shards.
    pub shards: usize,
    /// Connections of each.
    pub connections: usize,
    /// Events a batch.
    pub batch: usize,
    /// Whether a batch comes every 250 µs, or as soon as it can be taken.
    pub is_paced: bool,
    /// Whether counters that different shards write lie side by side.
    pub shares_line: bool,
    /// Its shards are on processors from the first one given on, and what feeds them on the second; none: wherever the system
    /// wants them.
    pub processors: Option<(usize, usize)>,
    /// Before anything is measured, ms.
    pub warm_up_ms: u64,
    /// What is measured, ms.
    pub measured_ms: u64,
}

impl Plan {
    /// As arguments of a process.
    pub fn arguments(&self) -> Vec<String> {
        let numbers = [
            self.shards as u64,
            self.connections as u64,
            self.batch as u64,
            self.is_paced.into(),
            self.shares_line.into(),
            self.processors.map_or(0, |(shards, _)| shards as u64 + 1),
            self.processors.map_or(0, |(_, feeder)| feeder as u64 + 1),
            self.warm_up_ms,
            self.measured_ms,
        ];
        numbers.iter().map(u64::to_string).collect()
    }

    /// From such arguments.
    pub fn from_arguments(arguments: &[&str]) -> Self {
        let numbers: Vec<u64> =
            arguments.iter().map(|argument| argument.parse().expect("a number")).collect();
        let numbers: [u64; 9] = numbers.try_into().expect("a plan's numbers");
        let [
            shards,
            connections,
            batch,
            is_paced,
            shares_line,
            shards_on,
            feeder_on,
            warm_up_ms,
            measured_ms,
        ] = numbers;
        let processor = |number: u64| number.checked_sub(1).map(|number| number as usize);
        Self {
            shards: shards as usize,
            connections: connections as usize,
            batch: batch as usize,
            is_paced: is_paced != 0,
            shares_line: shares_line != 0,
            processors: processor(shards_on).zip(processor(feeder_on)),
            warm_up_ms,
            measured_ms,
        }
    }
}
