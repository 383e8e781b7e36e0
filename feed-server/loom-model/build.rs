//! Selects loom's atomics in the file under test, for this crate alone: a global `--cfg loom` would change other crates too.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(loom)");
    println!("cargo::rustc-cfg=loom");
}
