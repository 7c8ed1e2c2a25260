//! The listener on 127.0.0.1 and what can go wrong on a connection: a reset, a cut, silence.
//!
//! A fault below HTTP cannot be expressed as a reply, so the server's side of the connection is wrapped:
//! the exchange tells its [`Line`] how many bytes may still leave, and what happens then.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::exchange::{self, Front, Service};
use crate::tls::Stream;

/// Where the bytes of a reply stop, and how.
#[derive(Clone, Copy)]
struct Cut {
    after: CutAfter,
    ending: Ending,
}

/// How much of a reply is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CutAfter {
    /// Bytes of the whole reply, head included.
    Reply(usize),
    /// The whole head and this many bytes of the body.
    Body(usize),
}

/// What happens to a connection in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// TCP RST: what the client has not read yet may be lost to it.
    Reset,
    /// TCP FIN: the client reads all that was sent, then the end.
    Close,
    /// Nothing more is sent, and the connection stays open.
    Stall,
}

/// How to reach the connection of an exchange from the outside.
#[derive(Clone)]
pub(crate) struct Line {
    /// A second handle of the socket. Tokio's own would answer from its cached readiness, which may not know yet
    /// that a killed client's kernel has closed the connection.
    socket: Arc<std::net::TcpStream>,
    cut: Arc<Mutex<Option<Cut>>>,
    /// When the last byte left.
    sent: Arc<Mutex<Option<Instant>>>,
}

impl Line {
    fn new(stream: TcpStream) -> io::Result<(Self, TcpStream)> {
        let stream = stream.into_std()?;
        let line = Self { socket: Arc::new(stream.try_clone()?), cut: Arc::default(), sent: Arc::default() };
        Ok((line, TcpStream::from_std(stream)?))
    }

    /// Limits what is sent from now on. To be called before the reply is handed to the server.
    pub(crate) fn cut(&self, after: CutAfter, ending: Ending) {
        *self.lock() = Some(Cut { after, ending });
    }

    /// Lifts the limit of an earlier reply, which was shorter than it.
    pub(crate) fn mend(&self) {
        *self.lock() = None;
    }

    /// Says whether the client still holds its end open.
    pub(crate) fn is_open(&self) -> bool {
        match self.socket.peek(&mut [0]) {
            Ok(read) => read > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    /// How long ago the last byte of the reply before left; `None` for the first request of a connection.
    pub(crate) fn idle(&self) -> Option<Duration> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).map(|sent| sent.elapsed())
    }

    fn note_sent(&self) {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, Option<Cut>> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection whose replies can be cut.
struct Wire {
    stream: Stream,
    line: Line,
    /// Whether bytes may still be in the buffer of TLS.
    unflushed: bool,
}

impl Wire {
    /// Gives the number of bytes of `next` that may leave, or what happens instead of sending.
    fn allowance(&self, next: &[u8]) -> Result<usize, Ending> {
        let mut cut = self.line.lock();
        let Some(Cut { after, ending }) = &mut *cut else { return Ok(next.len()) };
        if let CutAfter::Body(body) = *after {
            // The server hands over the head in one piece, as the beginning of the first write of a reply.
            let head = next.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
            *after = CutAfter::Reply(head + body);
        }
        match *after {
            CutAfter::Reply(0) => Err(*ending),
            CutAfter::Reply(left) | CutAfter::Body(left) => Ok(left.min(next.len())),
        }
    }

    fn sent(&mut self, bytes: usize) {
        self.unflushed = true;
        if let Some(Cut { after: CutAfter::Reply(left), .. }) = &mut *self.line.lock() {
            *left -= bytes;
        }
    }

    /// Gives the ending, if the bytes before it have left.
    fn ended(&self) -> Option<Ending> {
        match *self.line.lock() {
            Some(Cut { after: CutAfter::Reply(0), ending }) => Some(ending),
            _ => None,
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.ended() == Some(Ending::Reset) {
            // It can fail only for a socket that is closed already.
            let _ = self.stream.socket().set_zero_linger();
        }
    }
}

/// What the server gets to see of an ending: an error makes it drop the connection.
fn end<T>(ending: Ending) -> Poll<io::Result<T>> {
    match ending {
        // Without a waker: nothing will ever change.
        Ending::Stall => Poll::Pending,
        Ending::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        Ending::Close => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let allowed = match self.allowance(buffer) {
            Ok(allowed) => allowed,
            Err(ending) => return end(ending),
        };
        let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &buffer[..allowed]))?;
        self.sent(sent);
        Poll::Ready(Ok(sent))
    }

    /// A reply that is exactly as long as the cut allows ends here: no write comes after it.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        if std::mem::take(&mut self.unflushed) {
            self.line.note_sent();
        }
        self.ended().map_or(Poll::Ready(Ok(())), end)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The FIN of an orderly end would reach the client before the reset.
        if self.ended() == Some(Ending::Reset) {
            return end(Ending::Reset);
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

