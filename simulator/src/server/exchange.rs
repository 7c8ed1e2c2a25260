//! One request and its reply: log it, let a fault meet it, do the work, answer.

use std::future;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http;
use hyper::{Request, Response, StatusCode};

use crate::action::{Action, OnlyFirst};
use crate::faults::Faults;
use crate::requests::{Call, Log};
use crate::transfer::{self, Sent};
use crate::wire::{CutAfter, Ending, Line};

/// What all services share.
#[derive(Default)]
pub(crate) struct Front {
    pub(crate) log: Log,
    pub(crate) faults: Faults,
}

/// No reply: the connection ends here.
#[derive(Debug)]
pub(crate) struct NoReply;

impl std::fmt::Display for NoReply {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("no reply")
    }
}

impl std::error::Error for NoReply {}

/// Answers one request.
pub(crate) async fn answer<S: Service>(
    front: &Front,
    service: &S,
    request: Request<Incoming>,
    line: &Line,
) -> Result<Sent, NoReply> {
    let idle = line.idle();
    let (head, body) = request.into_parts();
    // A body that breaks off has a client that is gone.
    let body = body.collect().await.map_err(|_| NoReply)?.to_bytes();
    let request = Request::from_parts(head, body);
    line.mend();

    let Some(call) = service.describe(&request) else {
        return Ok(transfer::send(service.answer(request, line).await));
    };
    let (action, fault) = front.faults.meet(&call).unzip();
    let number = front.log.begin(&call, fault, request.body().len(), idle);
    let reply = meet(service, request, action, line).await?;
    front.log.end(number, reply.status().as_u16(), reply.body().len());
    Ok(transfer::send(reply))
}

/// Does the work as far as the fault lets it.
async fn meet<S: Service>(
    service: &S,
    mut request: Request<Bytes>,
    action: Option<Action>,
    line: &Line,
) -> Result<Reply, NoReply> {
    let Some(action) = action else { return Ok(service.answer(request, line).await) };
    match &action {
        Action::Status { http, code } => return Ok(service.error(status(*http), code)),
        Action::StatusWithHeader { http, code, name, value } => {
            return Ok(with_header(service.error(status(*http), code), name, value));
        }
        Action::ReplyBody { status: http, body } => {
            return Ok(reply(status(*http), "application/octet-stream", body.clone()));
        }
        Action::Reset => {
            line.cut(CutAfter::Reply(0), Ending::Reset);
            return Err(NoReply);
        }
        Action::Stall => return future::pending().await,
        Action::Delay(delay) => tokio::time::sleep(*delay).await,
        Action::Hold(gate) => gate.pass().await,
        Action::OnlyFirst(entries) => drop(request.extensions_mut().insert(OnlyFirst(*entries))),
        _ => {}
    }

    // A client that was killed meanwhile may not have been noticed yet.
    if !line.is_open() {
        return Err(NoReply);
    }
    let answer = service.answer(request, line).await;
    match action {
        Action::StatusAfter { http, code } => return Ok(service.error(status(http), &code)),
        Action::LoseReply => return Err(NoReply),
        Action::HoldReply(gate) => gate.pass().await,
        Action::ResetAfterBytes(bytes) => line.cut(CutAfter::Reply(bytes), Ending::Reset),
        Action::StallAfterBytes(bytes) => line.cut(CutAfter::Reply(bytes), Ending::Stall),
        Action::Truncate(bytes) => line.cut(CutAfter::Body(bytes), Ending::Close),
        _ => {}
    }
    Ok(answer)
}

/// A status that HTTP does not know is a mistake in a test: the nearest thing to it is 500.
fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
