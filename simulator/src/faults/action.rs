//! The effect of a fault on a request.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::faults::gate::Gate;

/// The effect of a fault on a request. Each variant is documented at the method of the same name of
/// [`RequestMatcher`](crate::RequestMatcher).
#[derive(Clone, Debug)]
#[allow(missing_docs)] // Documented at the methods.
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

/// Number of entries of a batch that succeed. The service finds it in the extensions of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnlyFirst(pub(crate) usize);

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { http, code } => write!(formatter, "status {http} {code}"),
            Self::StatusWithHeader { http, code, name, value } => {
                write!(formatter, "status {http} {code} with {name}: {value}")
            }
            Self::StatusAfter { http, code } => write!(formatter, "status {http} {code} after the operation"),
            Self::LoseReply => write!(formatter, "reply lost"),
            Self::Reset => write!(formatter, "reset"),
            Self::ResetAfterBytes(bytes) => write!(formatter, "reset after {bytes} bytes"),
            Self::Truncate(bytes) => write!(formatter, "body truncated after {bytes} bytes"),
            Self::Stall => write!(formatter, "stall"),
            Self::StallAfterBytes(bytes) => write!(formatter, "stall after {bytes} bytes"),
            Self::ReplyBody { status, .. } => write!(formatter, "status {status} with a scripted body"),
            Self::Delay(delay) => write!(formatter, "delay of {delay:?}"),
            Self::Hold(_) => write!(formatter, "held before the operation"),
            Self::HoldReply(_) => write!(formatter, "held before the reply"),
            Self::OnlyFirst(entries) => write!(formatter, "only the first {entries} entries"),
        }
    }
}
