//! Listener.

/// A server on a port of its own; it and its connections end when this is dropped.
pub(crate) struct Listener {
    address: SocketAddr,
    scheme: &'static str,
    accepting: AbortHandle,
}

impl Listener {
    /// Listens on a free port of 127.0.0.1, for TLS if there is an acceptor.
    pub(crate) async fn start<S: Service>(
        front: &Arc<Front>,
        service: &Arc<S>,
        acceptor: Option<TlsAcceptor>,
    ) -> io::Result<Self> {
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, acceptor, Arc::clone(front), Arc::clone(service))).abort_handle();
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

async fn accept<S: Service>(listener: TcpListener, acceptor: Option<TlsAcceptor>, front: Arc<Front>, service: Arc<S>) {
    // Dropped with this task, it ends the connections too.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // An accept fails when the client has gone already, or for want of descriptors: in both cases
                // there is nobody to tell, and the next one may do better.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, acceptor.clone(), Arc::clone(&front), Arc::clone(&service)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve<S: Service>(stream: TcpStream, acceptor: Option<TlsAcceptor>, front: Arc<Front>, service: Arc<S>) {
    // Errors here are the client's going away, or a fault that was asked for.
    let Ok((line, stream)) = Line::new(stream) else { return };
    let _ = stream.set_nodelay(true);
    let Ok(stream) = Stream::accept(stream, acceptor).await else { return };
    let wire = Wire { stream, line: line.clone(), unflushed: false };
    let exchanges = service_fn(move |request| {
        let (front, service, line) = (Arc::clone(&front), Arc::clone(&service), line.clone());
        async move { exchange::answer(&front, &*service, request, &line).await }
    });
    // Without a timer: a paused clock must not end a connection that waits for its request.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(wire), exchanges).await;
}
