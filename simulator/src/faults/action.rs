//! What a fault does to a request.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::gate::Gate;

/// What happens to a request. The methods of [`Requests`](crate::Requests) say what each means.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // Each is the method of the same name.
pub enum Action {
    Status { http: u16, code: String },
    StatusWithHeader { http: u16, code: String, name: String, value: String },
    StatusAfter { http: u16, code: String },
    LoseReply,
    Reset,
    ResetAfterBytes(usize),
    Truncate(usize),
    Stall,
    StallAfterBytes(usize),
    ReplyBody { status: u16, body: Bytes },
    Delay(Duration),
    Hold(Gate),
    HoldReply(Gate),
    OnlyFirst(usize),
}

/// Tells a service, as an extension of the request, how many entries of a batch succeed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnlyFirst(pub(crate) usize);

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { http, code } => write!(formatter, "status {http} {code}"),
            Self::StatusWithHeader { http, code, name, value } => {
                write!(formatter, "status {http} {code} with {name}: {value}")
            }
            Self::StatusAfter { http, code } => write!(formatter, "status {http} {code} after the work"),
            Self::LoseReply => write!(formatter, "reply lost"),
            Self::Reset => write!(formatter, "reset"),
            Self::ResetAfterBytes(bytes) => write!(formatter, "reset after {bytes} bytes"),
            Self::Truncate(bytes) => write!(formatter, "body cut after {bytes} bytes"),
            Self::Stall => write!(formatter, "stall"),
            Self::StallAfterBytes(bytes) => write!(formatter, "stall after {bytes} bytes"),
            Self::ReplyBody { status, .. } => write!(formatter, "status {status} with another body"),
            Self::Delay(delay) => write!(formatter, "delay of {delay:?}"),
            Self::Hold(_) => write!(formatter, "held before the work"),
            Self::HoldReply(_) => write!(formatter, "held before the reply"),
            Self::OnlyFirst(entries) => write!(formatter, "only the first {entries} entries"),
        }
    }
}
