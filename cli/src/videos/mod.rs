//! Videos in S3: which of them a command means, and what the lake and earlier runs know of them.

pub(crate) mod choice;
pub(crate) mod known;
pub(crate) mod location;
pub(crate) mod obstacle;
pub(crate) mod sent;
pub(crate) mod state;
pub(crate) mod video;
