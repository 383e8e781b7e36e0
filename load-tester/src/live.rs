//! The live view of a run: a screen of its own on standard error, with a row a lane. [`state`] keeps what is shown,
//! [`view`] draws it, [`screen`] owns the terminal and gives it back whatever happens.

pub mod screen;
pub mod state;
pub mod view;
