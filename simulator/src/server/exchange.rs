//! The exchange of one request and its reply: log the request, choose a fault, perform the operation, reply.

use std::future;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use crate::faults::action::{Action, OnlyFirst};
use crate::faults::injector::FaultInjector;
use crate::request_log::RequestLog;
use crate::server::connection::{Connection, CutAfter, Ending};
use crate::server::reply::{Reply, reply, with_header};
use crate::server::service::Service;
use crate::server::transfer::{self, Sent};

/// The request log and the faults, which all services share.
#[derive(Default)]
pub(crate) struct Instrumentation {
    pub(crate) log: RequestLog,
    pub(crate) faults: FaultInjector,
}

/// The connection ends without a reply.
#[derive(Debug)]
pub(crate) struct NoReply;

impl std::fmt::Display for NoReply {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("no reply")
    }
}

impl std::error::Error for NoReply {}

/// Handles one request.
pub(crate) async fn handle<S: Service>(
    instrumentation: &Instrumentation,
    service: &S,
    request: Request<Incoming>,
    connection: &Connection,
) -> Result<Sent, NoReply> {
    let idle = connection.idle();
    let (head, body) = request.into_parts();
    // An incomplete body means that the client has disconnected.
    let body = body.collect().await.map_err(|_| NoReply)?.to_bytes();
    let request = Request::from_parts(head, body);
    connection.lift_cut();

    let Some(call) = service.describe(&request) else {
        return Ok(transfer::send(service.handle(request, connection).await));
    };
    let (action, fault) = instrumentation.faults.next_action(&call).unzip();
    let number = instrumentation.log.begin(&call, fault, request.body().len(), idle);
    let reply = match action {
        Some(action) => apply_fault(action, service, request, connection).await?,
        None => service.handle(request, connection).await,
    };
    instrumentation.log.end(number, reply.status().as_u16(), reply.body().len());
    Ok(transfer::send(reply))
}

/// Handles a request as far as the fault allows.
async fn apply_fault<S: Service>(
    action: Action,
    service: &S,
    mut request: Request<Bytes>,
    connection: &Connection,
) -> Result<Reply, NoReply> {
    match &action {
        Action::Status { http, code } => return Ok(service.error_reply(status(*http), code)),
        Action::StatusWithHeader { http, code, name, value } => {
            return Ok(with_header(service.error_reply(status(*http), code), name, value));
        }
        Action::ReplyBody { status: http, body } => {
            return Ok(reply(status(*http), "application/octet-stream", body.clone()));
        }
        Action::Reset => {
            connection.cut(CutAfter::Reply(0), Ending::Reset);
            return Err(NoReply);
        }
        Action::Stall => return future::pending().await,
        Action::Delay(delay) => tokio::time::sleep(*delay).await,
        Action::Hold(gate) => gate.pass().await,
        Action::OnlyFirst(entries) => drop(request.extensions_mut().insert(OnlyFirst(*entries))),
        _ => {}
    }

    // The server may not have noticed yet that the client was killed in the meantime.
    if !connection.is_open() {
        return Err(NoReply);
    }
    let answer = service.handle(request, connection).await;
    match action {
        Action::StatusAfter { http, code } => return Ok(service.error_reply(status(http), &code)),
        Action::LoseReply => return Err(NoReply),
        Action::HoldReply(gate) => gate.pass().await,
        Action::ResetAfterBytes(bytes) => connection.cut(CutAfter::Reply(bytes), Ending::Reset),
        Action::StallAfterBytes(bytes) => connection.cut(CutAfter::Reply(bytes), Ending::Stall),
        Action::Truncate(bytes) => connection.cut(CutAfter::Body(bytes), Ending::Close),
        _ => {}
    }
    Ok(answer)
}

/// Converts a status code. A code that HTTP does not allow is a mistake in the test and becomes 500.
fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
