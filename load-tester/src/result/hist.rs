//! A histogram as it is stored: its percentiles for those who only look, and the whole of it (HdrHistogram V2, deflated,
//! base64) for those who compare, merge or plot. Never an average of percentiles.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A stored histogram of µs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hist {
    /// Values, or weights where they are weighted by time.
    pub count: u64,
    /// Half are at most this.
    pub p50_us: u64,
    /// 90 %.
    pub p90_us: u64,
    /// 95 %.
    pub p95_us: u64,
    /// 99 %.
    pub p99_us: u64,
    /// 99.9 %.
    pub p999_us: u64,
    /// All.
    pub max_us: u64,
    /// Arithmetic mean.
    pub mean_us: f64,
    /// Values below 0, which are left out of the rest.
    pub negative: u64,
    /// The lowest of those, or 0.
    pub lowest_us: i64,
    /// Values above ten minutes, which are left out of the rest.
    pub overflows: u64,
    /// All buckets.
    pub hdr: String,
}

/// Why a stored histogram cannot be read.
#[derive(Debug, Error)]
pub enum HistError {
    /// Not base64.
    #[error("a histogram is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Not HdrHistogram V2.
    #[error("a histogram is not HdrHistogram V2 with deflate: {0}")]
    Format(String),
}

impl Hist {
    /// Of `histogram`, with what it had to leave out.
    #[must_use]
    pub fn new(histogram: &Histogram<u64>, negative: u64, lowest_us: i64, overflows: u64) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            count: histogram.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p95_us: at(0.95),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max(),
            mean_us: if histogram.is_empty() { 0.0 } else { histogram.mean() },
            negative,
            lowest_us,
            overflows,
            hdr: encode(histogram),
        }
    }

    /// The whole histogram.
    ///
    /// # Errors
    /// The stored text is none.
    pub fn histogram(&self) -> Result<Histogram<u64>, HistError> {
        decode(&self.hdr)
    }

    /// Keeps two significant digits of the buckets; the percentiles beside them stay as they are.
    ///
    /// # Errors
    /// The stored text is none.
    pub fn round(&mut self) -> Result<(), HistError> {
        let fine = self.histogram()?;
        let mut coarse = Histogram::new_with_bounds(1, fine.high().max(2), 2)
            .map_err(|why| HistError::Format(why.to_string()))?;
        for bucket in fine.iter_recorded() {
            coarse.saturating_record_n(bucket.value_iterated_to(), bucket.count_at_value());
        }
        self.hdr = encode(&coarse);
        Ok(())
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// HdrHistogram V2, deflated, base64.
#[must_use]
pub fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("a histogram of counts below 2^63 can be written to memory");
    STANDARD.encode(bytes)
}

/// What [`encode`] wrote.
///
/// # Errors
/// It is something else.
pub fn decode(text: &str) -> Result<Histogram<u64>, HistError> {
    let bytes = STANDARD.decode(text)?;
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|why| HistError::Format(format!("{why:?}")))
}
