//! What is made of a stored result for people and other tools: an HTML page, an interval log. Reads [`crate::result`];
//! measures nothing.

pub mod hlog;
pub mod html;
