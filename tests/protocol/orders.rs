//! The order of an export's requests: what the model does and what `tests/whole_program/order.rs` sees the function do.
//!
//! A job of two labels in `label_detections`. An earlier export left a third one.

/// The operation, and the folder that it is for; of `DeleteObjects`, that of the listing before.
pub(crate) type Order = &'static [&'static str];

pub(crate) const PLAIN: Order = &[
    "HeadObject jobs",
    "GetObject _checkpoints",
    "PutObject label_detections",
    "PutObject label_detections",
    "ListObjectsV2 label_detections",
    "PutObject jobs",
];

pub(crate) const OVERWRITE: Order = &[
    "DeleteObject jobs",
    "DeleteObject _checkpoints",
    "PutObject label_detections",
    "PutObject label_detections",
    "HeadObject jobs",
    "ListObjectsV2 label_detections",
    "DeleteObjects",
    "PutObject jobs",
    // Tables that the row lacks: none, and the segments.
    "HeadObject jobs",
    "HeadObject jobs",
    "ListObjectsV2 label_segments",
];

/// After an Overwrite that handed over with its first label, and a plain copy that committed meanwhile.
pub(crate) const CONTINUATION: Order = &[
    "HeadObject jobs",
    "GetObject _checkpoints",
    "PutObject label_detections",
    "HeadObject jobs",
    "ListObjectsV2 label_detections",
    "DeleteObjects",
    "PutObject jobs",
    "HeadObject jobs",
    "HeadObject jobs",
    "ListObjectsV2 label_segments",
    "DeleteObject _checkpoints",
];
