//! Interruption by Ctrl-C or SIGTERM, and exit codes.

use std::io;
use std::process;

use tokio::sync::watch;

/// Exit code of an interrupted command, by the convention of shells: 128 plus the number of the signal.
pub(crate) const INTERRUPTED: u8 = 130;
/// Exit code for invalid usage, the same as that of clap.
pub(crate) const INVALID_USAGE: u8 = 2;

/// Listener for a signal to shut down, for commands that have to clean up before they exit.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown {
    requested: watch::Receiver<bool>,
}

impl Shutdown {
    /// Starts to listen. The first signal calls `on_first_signal`; a second one exits the process immediately.
    pub(crate) fn listen(on_first_signal: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let mut signals = Signals::new()?;
        let (sender, requested) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            on_first_signal();
            sender.send_replace(true);
            signals.next().await;
            process::exit(INTERRUPTED.into());
        });
        Ok(Self { requested })
    }

    /// Returns true once a signal has arrived.
    pub(crate) fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits for a signal.
    pub(crate) async fn wait(&self) {
        // Fails only if the listening task has ended, which lives as long as the process.
        let _ = self.requested.clone().wait_for(|requested| *requested).await;
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
