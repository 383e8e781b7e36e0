//! How late ticks are handed over: the source's own part in every latency.
//! Written by the `Pacer` once a batch, read by metrics and reports on other threads.
//! Says nothing about what happens to a tick after it was handed over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

/// How late ticks were handed over, µs (3 digits, up to an hour); shared with whoever watches.
#[derive(Clone, Debug)]
pub struct Lateness(Arc<Mutex<Histogram<u64>>>);

impl Lateness {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, 3_600_000_000, 3);
        Self(Arc::new(Mutex::new(histogram.expect("the bounds are valid"))))
    }

    /// A copy of everything recorded so far.
    #[must_use]
    pub fn snapshot(&self) -> Histogram<u64> {
        self.lock().clone()
    }

    /// Everything recorded since the last `take`, which starts again at nothing.
    #[must_use]
    pub fn take(&self) -> Histogram<u64> {
        let mut histogram = self.lock();
        let taken = histogram.clone();
        histogram.reset();
        taken
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
