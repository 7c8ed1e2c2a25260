//! Connections that can be made to fail: reset, cut short, or stalled.
//!
//! A fault below HTTP cannot be expressed as a reply. The server's side of the connection is therefore wrapped: the
//! exchange tells the [`Connection`] how many more bytes may be sent, and how the connection ends after them.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::server::tls::Stream;

/// The point at which a reply is cut, and how the connection ends there.
#[derive(Clone, Copy)]
struct Cut {
    after: CutAfter,
    ending: Ending,
}

/// The part of a reply that is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CutAfter {
    /// This many bytes of the reply, including the head.
    Reply(usize),
    /// The head and this many bytes of the body.
    Body(usize),
}

/// The end of a connection whose reply is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// TCP RST: the client may lose bytes that it has not read yet.
    Reset,
    /// TCP FIN: the client reads all bytes that were sent, then the end of the stream.
    Close,
    /// Nothing more is sent, and the connection stays open.
    Stall,
}

/// A handle to a client's connection, used while a request is handled. Clones refer to the same connection.
#[derive(Clone)]
pub(crate) struct Connection {
    /// A second handle to the socket. Tokio's own handle would answer from its cached readiness, which may not show
    /// yet that the kernel of a killed client has closed the connection.
    socket: Arc<std::net::TcpStream>,
    cut: Arc<Mutex<Option<Cut>>>,
    /// Time at which the last byte was sent.
    sent: Arc<Mutex<Option<Instant>>>,
}

impl Connection {
    /// Creates the handle of a stream. Consumes the stream to duplicate its socket, and returns it.
    pub(crate) fn new(stream: TcpStream) -> io::Result<(Self, TcpStream)> {
        let stream = stream.into_std()?;
        let connection = Self { socket: Arc::new(stream.try_clone()?), cut: Arc::default(), sent: Arc::default() };
        Ok((connection, TcpStream::from_std(stream)?))
    }

    /// Limits what is sent from now on. Must be called before the reply is handed to the server.
    pub(crate) fn cut(&self, after: CutAfter, ending: Ending) {
        *self.lock() = Some(Cut { after, ending });
    }

    /// Removes the limit of the previous reply, in case that reply was shorter than the limit.
    pub(crate) fn lift_cut(&self) {
        *self.lock() = None;
    }

    /// Returns true if the client's end is still open.
    pub(crate) fn is_open(&self) -> bool {
        match self.socket.peek(&mut [0]) {
            Ok(read) => read > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    /// Time since the last byte of the previous reply was sent; `None` for the first request of a connection.
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

/// The byte stream of a connection. It enforces the limit that the [`Connection`] sets.
pub(crate) struct LimitedStream {
    stream: Stream,
    connection: Connection,
    /// True if TLS may still buffer bytes.
    unflushed: bool,
}

impl LimitedStream {
    pub(crate) fn new(stream: Stream, connection: Connection) -> Self {
        Self { stream, connection, unflushed: false }
    }

    /// Returns the number of bytes of `next` that may be sent, or the ending if none may be.
    fn allowance(&self, next: &[u8]) -> Result<usize, Ending> {
        let mut cut = self.connection.lock();
        let Some(Cut { after, ending }) = &mut *cut else { return Ok(next.len()) };
        if let CutAfter::Body(body) = *after {
            // The server passes the whole head at the beginning of the first write of a reply.
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
        if let Some(Cut { after: CutAfter::Reply(left), .. }) = &mut *self.connection.lock() {
            *left -= bytes;
        }
    }

    /// Returns the ending if all bytes before the cut have been sent.
    fn ended(&self) -> Option<Ending> {
        match *self.connection.lock() {
            Some(Cut { after: CutAfter::Reply(0), ending }) => Some(ending),
            _ => None,
        }
    }
}

impl Drop for LimitedStream {
    fn drop(&mut self) {
        if self.ended() == Some(Ending::Reset) {
            // This fails only for a socket that is already closed.
            let _ = self.stream.socket().set_zero_linger();
        }
    }
}

/// The result that the server sees at an ending. An error makes it drop the connection.
fn end<T>(ending: Ending) -> Poll<io::Result<T>> {
    match ending {
        // No waker is registered, because the state never changes again.
        Ending::Stall => Poll::Pending,
        Ending::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        Ending::Close => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let allowed = match self.allowance(buffer) {
            Ok(allowed) => allowed,
            Err(ending) => return end(ending),
        };
        let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &buffer[..allowed]))?;
        self.sent(sent);
        Poll::Ready(Ok(sent))
    }

    /// Also ends a reply that is exactly as long as the limit, because no further write follows it.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        if std::mem::take(&mut self.unflushed) {
            self.connection.note_sent();
        }
        self.ended().map_or(Poll::Ready(Ok(())), end)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The FIN of an orderly shutdown would reach the client before the reset.
        if self.ended() == Some(Ending::Reset) {
            return end(Ending::Reset);
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
