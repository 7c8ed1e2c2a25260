//! Ctrl-C and SIGTERM, for commands that have to put something back before they end.

use std::io;
use std::process;

use tokio::sync::watch;

use crate::run::INTERRUPTED;

/// An interrupt, from the listener's start on. Until then it ends the process.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    has_come: watch::Receiver<bool>,
}

impl Interrupt {
    /// Starts to listen, and calls `notice` at the first interrupt. A second one ends the process at once.
    pub(crate) fn listen(notice: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let mut signals = Signals::new()?;
        let (sender, has_come) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            notice();
            sender.send_replace(true);
            signals.next().await;
            process::exit(INTERRUPTED.into());
        });
        Ok(Self { has_come })
    }

    pub(crate) fn has_come(&self) -> bool {
        *self.has_come.borrow()
    }

    /// Waits for the interrupt.
    pub(crate) async fn wait(&self) {
        // An error would mean that nobody listens any more; the listener ends with the process.
        let _ = self.has_come.clone().wait_for(|has_come| *has_come).await;
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
