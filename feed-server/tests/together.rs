//! All of this folder's tests in one program, for `make test-release`: with the release profile's optimisation across crates a
//! program takes the better part of a minute to link, and here are many. `cargo test` runs each file by itself instead.

#![allow(
    clippy::duplicate_mod,
    reason = "each file brings what it needs, as it does when it stands alone"
)]

#[path = "admin.rs"]
mod admin;
#[path = "bad_input.rs"]
mod bad_input;
#[path = "flow.rs"]
mod flow;
#[path = "handshake.rs"]
mod handshake;
#[path = "http.rs"]
mod http;
#[path = "lab.rs"]
mod lab;
#[path = "long_poll.rs"]
mod long_poll;
#[path = "resplice.rs"]
mod resplice;
#[path = "resume.rs"]
mod resume;
#[path = "roaming.rs"]
mod roaming;
#[path = "shard_properties.rs"]
mod shard_properties;
#[path = "shutdown.rs"]
mod shutdown;
#[path = "slow.rs"]
mod slow;
#[path = "startup.rs"]
mod startup;
#[path = "stream.rs"]
mod stream;
#[path = "streams.rs"]
mod streams;

/// A file that is not named here would not be tested.
#[test]
fn all_files_are_here() {
    let here = include_str!("together.rs");
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).unwrap();
    for entry in folder {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            !name.ends_with(".rs")
                || name == "together.rs"
                || here.contains(&format!("\"{name}\"")),
            "{name}"
        );
    }
}
