//! What the server answers over plain HTTP.

pub mod pages;
