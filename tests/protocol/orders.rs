//! Order of an export's requests: the model makes them in this order, and `tests/whole_program/order.rs` observes it in
//! the function.
//!
//! The job has two labels in `label_detections`. An earlier export left a third one.

/// Each request as its operation and the folder it is for. `DeleteObjects` has no folder; it follows the listing of
/// one.
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
    // Cleanup of each table that the row lacks. It has `label_detections`, and lacks `label_segments`.
    "HeadObject jobs",
    "HeadObject jobs",
    "ListObjectsV2 label_segments",
];

/// Continuation of an Overwrite that handed over after its first label, when a plain copy has committed since.
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
