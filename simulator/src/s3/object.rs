//! An object, the conditions of a write, and the errors of a store.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::time::SystemTime;

use bytes::Bytes;
use s3s::crypto::{Checksum, Md5};

/// An object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) body: Bytes,
    pub(crate) modified: SystemTime,
    /// Not kept in a directory, which holds only the bytes of the objects.
    pub(crate) content_type: Option<String>,
    /// User metadata. Not kept in a directory.
    pub(crate) metadata: Option<HashMap<String, String>>,
    /// `None` for the null version, as in a bucket without versioning. Not kept in a directory.
    pub(crate) version: Option<String>,
    /// `None` for `STANDARD`. Not kept in a directory. Only listings of versions show it.
    pub(crate) storage_class: Option<String>,
    /// True if an archived object has a restored copy.
    pub(crate) restored: bool,
    /// Versions that this one replaced, newest first. Only listings show them.
    pub(crate) older: Vec<Object>,
}

impl Object {
    pub(crate) fn new(body: Bytes) -> Self {
        Self {
            body,
            modified: SystemTime::now(),
            content_type: None,
            metadata: None,
            version: None,
            storage_class: None,
            restored: false,
            older: Vec::new(),
        }
    }

    /// Returns the MD5 of the body in hex, which is the `ETag` of an object that was uploaded in one piece.
    pub(crate) fn etag(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(Md5::checksum(&self.body)))
    }
}

/// Condition of a write.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    None,
    /// `If-None-Match: *`.
    Absent,
    /// `If-Match` with an entity tag.
    Matches(String),
}

/// The reason for which a directory cannot store an object.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Key of the object.
    pub key: String,
    pub(crate) reason: String,
    /// True if the file system failed, as a full one does. False if the key cannot be the path of a file.
    pub by_file_system: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "key {:?} {}", self.key, self.reason)
    }
}

/// Reason why an object cannot be read or written.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// The condition does not hold.
    Precondition,
    /// The condition refers to an object that does not exist.
    Missing,
    /// The directory cannot store the object, and a retry would fail too.
    Refused(Refusal),
    /// The directory was changed during the call. A retry may succeed.
    Changed(io::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Precondition => formatter.write_str("the condition does not hold"),
            Self::Missing => formatter.write_str("the object does not exist"),
            Self::Refused(refusal) => refusal.fmt(formatter),
            Self::Changed(error) => {
                write!(formatter, "the directory of the bucket was changed during the call: {error}")
            }
        }
    }
}
