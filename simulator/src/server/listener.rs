//! Listeners on 127.0.0.1.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::server::connection::{Connection, LimitedStream};
use crate::server::exchange::{self, Instrumentation};
use crate::server::service::Service;
use crate::server::tls::Stream;

/// A server on a port of its own. Dropping it closes the port and all its connections.
pub(crate) struct Listener {
    address: SocketAddr,
    scheme: &'static str,
    accepting: AbortHandle,
}

impl Listener {
    /// Listens on a free port of 127.0.0.1, with TLS if there is an acceptor.
    pub(crate) async fn start<S: Service>(
        instrumentation: &Arc<Instrumentation>,
        service: &Arc<S>,
        acceptor: Option<TlsAcceptor>,
    ) -> io::Result<Self> {
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = Server { instrumentation: Arc::clone(instrumentation), service: Arc::clone(service), acceptor };
        let accepting = tokio::spawn(server.accept(listener)).abort_handle();
        Ok(Self { address, scheme, accepting })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The parts that every connection of a listener needs.
struct Server<S> {
    instrumentation: Arc<Instrumentation>,
    service: Arc<S>,
    acceptor: Option<TlsAcceptor>,
}

impl<S> Clone for Server<S> {
    fn clone(&self) -> Self {
        Self {
            instrumentation: Arc::clone(&self.instrumentation),
            service: Arc::clone(&self.service),
            acceptor: self.acceptor.clone(),
        }
    }
}

impl<S: Service> Server<S> {
    async fn accept(self, listener: TcpListener) {
        // Dropped with this task; dropping it closes the connections.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    // Accepting fails if the client has already disconnected or if file descriptors run out. There is
                    // nobody to report either to, and the next attempt may succeed.
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(self.clone().serve(stream));
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn serve(self, stream: TcpStream) {
        // Errors mean that the client has disconnected, or that a fault ended the connection as requested.
        let Ok((connection, stream)) = Connection::new(stream) else { return };
        let _ = stream.set_nodelay(true);
        let Ok(stream) = Stream::accept(stream, self.acceptor.clone()).await else { return };
        let stream = LimitedStream::new(stream, connection.clone());
        let exchanges = service_fn(move |request| {
            let (server, connection) = (self.clone(), connection.clone());
            async move { exchange::handle(&server.instrumentation, &*server.service, request, &connection).await }
        });
        // No timer is set, so that a paused Tokio clock does not end a connection that waits for a request.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), exchanges).await;
    }
}
