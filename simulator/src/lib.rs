//! A simulated market.
