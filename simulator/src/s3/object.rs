//! An object.

/// An object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) body: Bytes,
    pub(crate) modified: SystemTime,
    /// Not kept in a directory, which has nothing but the files.
    pub(crate) content_type: Option<String>,
    /// User metadata; not kept in a directory.
    pub(crate) metadata: Option<HashMap<String, String>>,
}

impl Object {
    pub(crate) fn new(body: Bytes) -> Self {
        Self { body, modified: SystemTime::now(), content_type: None, metadata: None }
    }

    /// The MD5 of the body in hex, as S3 has it for an object uploaded in one piece.
    pub(crate) fn etag(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(Md5::checksum(&self.body)))
    }
}

/// A condition of a write.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    None,
    /// `If-None-Match: *`.
    Absent,
    /// `If-Match`, with an entity tag.
    Matches(String),
}

/// Why an object cannot be read or written.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// The condition does not hold.
    Precondition,
    /// There is no object for the condition to be about.
    Missing,
    /// The file system refuses the key, and would again, for a reason.
    Refused(String),
    /// The file system was changed under the call: the next one may succeed.
    Disturbed(io::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Precondition => formatter.write_str("the condition does not hold"),
            Self::Missing => formatter.write_str("there is no object"),
            Self::Refused(why) => formatter.write_str(why),
            Self::Disturbed(error) => write!(formatter, "the directory of the bucket changes: {error}"),
        }
    }
}
