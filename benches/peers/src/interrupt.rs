//! Ctrl-C, and the end that a `timeout` asks for: what is being measured is given up, what was measured stays, and the
//! servers end. The second one ends this program at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Result, ensure};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The exit code of who was interrupted, as shells have it.
pub const EXIT_CODE: u8 = 130;

/// From now on, an interruption is noticed by [`check`].
///
/// # Errors
/// The system refuses.
pub fn watch() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the first one finds the flag not yet set.
        flag::register_conditional_shutdown(signal, EXIT_CODE.into(), ASKED.clone())?;
        flag::register(signal, ASKED.clone())?;
    }
    Ok(())
}

/// Whether it has been asked to end.
#[must_use]
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// Goes on, or not.
///
/// # Errors
/// It has been asked to end.
pub fn check() -> Result<()> {
    ensure!(!asked(), "interrupted");
    Ok(())
}
