//! Criterion benchmarks, one subject a file.
