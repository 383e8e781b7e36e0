//! Feeds arbitrary client bytes to the WebSocket decoder, whole and in the reads that the input asks for, and compares.
//! The property stands beside the decoder, so that `cargo test` replays the corpus through the very same code.

#![no_main]

// The module and not the crate: the server's dependencies would take minutes to build and are not what is fuzzed.
#[path = "../../src/connection/decoder/mod.rs"]
#[allow(dead_code)]
mod decoder;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    decoder::property::fuzz(data);
});
