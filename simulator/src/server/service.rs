//! The interface of a simulated service.

use bytes::Bytes;
use hyper::{Request, StatusCode};

use crate::request_log::Call;
use crate::server::connection::Connection;
use crate::server::reply::Reply;

/// A simulated service.
pub(crate) trait Service: Send + Sync + 'static {
    /// Describes a request for the log and the faults. Returns `None` for a request that is not logged and that faults
    /// do not apply to.
    fn describe(&self, request: &Request<Bytes>) -> Option<Call>;

    /// Returns an error reply in the format of the service.
    fn error_reply(&self, status: StatusCode, code: &str) -> Reply;

    /// Performs the operation.
    fn handle(&self, request: Request<Bytes>, connection: &Connection) -> impl Future<Output = Reply> + Send;
}
