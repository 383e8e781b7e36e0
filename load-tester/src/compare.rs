//! Compares two runs: which figures of which lanes differ by more than chance. [`sample`] holds a lane second by second,
//! [`measure`] says what is compared, [`bootstrap`] how sure one may be.

pub mod bootstrap;
pub mod measure;
pub mod sample;
#[cfg(test)]
mod tests;
