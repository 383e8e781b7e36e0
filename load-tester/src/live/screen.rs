//! The terminal while a run lasts: a screen of its own, no cursor, keys not echoed. It is given back when the view is
//! dropped, on a panic and before the process ends by a signal. Signals still come: Ctrl-C stays with whoever handles it.

use std::io::{self, Stderr, stderr, stdin};
use std::sync::Mutex;
use std::sync::Once;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::state::State;
use super::view;

/// What to give back; `None` while the terminal is its owner's.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);
static ON_PANIC: Once = Once::new();

struct Taken {
    /// How keys were handled before, if they come from a terminal.
    keys: Option<Termios>,
}

/// The screen; the terminal is given back when it is dropped.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    colours: bool,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard error is none, or does not take it.
    pub fn open() -> io::Result<Self> {
        ON_PANIC.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                before(panic);
            }));
        });
        let keys = tcgetattr(stdin()).ok();
        *lock() = Some(Taken { keys: keys.clone() });
        if let Some(mut quiet) = keys {
            quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            // Keys that are echoed are ugly, and no reason to do without the view.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &quiet);
        }
        let open = || {
            execute!(stderr(), EnterAlternateScreen, Hide)?;
            Terminal::new(CrosstermBackend::new(stderr()))
        };
        let terminal = open().inspect_err(|_| restore())?;
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Ok(Self { terminal, colours })
    }

    /// Shows `state`.
    ///
    /// # Errors
    /// The terminal is gone, or was given back because something panicked.
    pub fn show(&mut self, state: &State) -> io::Result<()> {
        if lock().is_none() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.terminal.draw(|frame| view::draw(frame, state, self.colours)).map(|_| ())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, if it was taken; may be called at any time, from any thread, again and again.
pub fn restore() {
    let Some(Taken { keys }) = lock().take() else { return };
    // There is nobody left to tell if the terminal is gone.
    let _ = execute!(stderr(), LeaveAlternateScreen, Show);
    if let Some(keys) = keys {
        // Keys typed meanwhile were not meant for the shell.
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &keys);
    }
}

fn lock() -> std::sync::MutexGuard<'static, Option<Taken>> {
    TAKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
