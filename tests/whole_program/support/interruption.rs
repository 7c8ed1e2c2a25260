//! Interruptions of a program at one of its requests.

use rekognition_simulator::{Fault, Gate, RequestMatcher};

/// Interruption at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The process dies before the request has an effect.
    KilledBefore,
    /// The process dies after the request had its effect, before the reply.
    KilledAfter,
    /// The request has its effect, and the reply is lost.
    ReplyLost,
}

impl Interruption {
    pub(crate) const ALL: [Self; 3] = [Self::KilledBefore, Self::KilledAfter, Self::ReplyLost];

    /// Returns the fault at a request. A request of a process that has to die is held until the gate opens.
    pub(crate) fn at(self, request: RequestMatcher, gate: &Gate) -> Fault {
        match self {
            Self::KilledBefore => request.hold(gate.clone()),
            Self::KilledAfter => request.hold_reply(gate.clone()),
            Self::ReplyLost => request.lose_reply(),
        }
    }
}
