//! What the server answers over HTTP: the pages, the symbols, bars, polls, streams, the upgrade to a WebSocket, and, on a listener
//! of its own, the admin endpoints.

pub mod accept;
pub mod admin;
mod answer;
mod bars;
mod body;
pub mod cors;
mod handover;
mod lab;
mod long_poll;
pub mod pages;
mod poll;
mod query;
mod routes;
mod streams;
mod upgrade;
