//! Service.

/// One of the simulated services.
pub(crate) trait Service: Send + Sync + 'static {
    /// Says what a request is; `None` for one that is neither logged nor met by faults.
    fn describe(&self, request: &Request<Bytes>) -> Option<Call>;

    /// Gives the service's form of an error.
    fn error(&self, status: StatusCode, code: &str) -> Reply;

    /// Does the work.
    fn answer(&self, request: Request<Bytes>, line: &Line) -> impl Future<Output = Reply> + Send;
}
