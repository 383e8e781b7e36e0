//! Subcommands that make several runs of their own: what was typed, and what is shown.

pub mod capacity;
pub mod reproduce;
