//! What this thread's servers write to their log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;

/// Catches the log of everything that runs on this thread until it is dropped: a test's servers, too, as a test has one
/// thread.
pub struct Log {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut text = self.0.lock().expect("no holder panics");
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Begins.
    pub fn start() -> Self {
        Self::at(tracing::Level::INFO)
    }

    /// Begins, with whatever anybody says to find faults.
    pub fn everything() -> Self {
        Self::at(tracing::Level::TRACE)
    }

    fn at(level: tracing::Level) -> Self {
        let text = Text::default();
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(level)
            .with_writer(move || writer.clone())
            .finish();
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        let text = self.text.0.lock().expect("no holder panics");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The six digits that were shown last.
    pub fn code(&self) -> String {
        let text = self.text();
        let (_, code) = text.rsplit_once("code is: ").expect("a code was shown");
        code.chars().take(6).collect()
    }
}
