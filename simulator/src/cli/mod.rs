//! The command line: `arguments` says what can be typed, `commands` does it.

mod arguments;
mod commands;

pub(crate) use arguments::Arguments;
pub(crate) use commands::{reader_has_gone, run};
