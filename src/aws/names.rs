//! Names in an AWS account, each a type that can only be built valid.

use std::fmt;
use std::str::FromStr;

/// A text that is not a valid name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct InvalidName(pub(crate) &'static str);

/// Declares a name: its type, what is expected of it, and the rule.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Returns the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(given: &str) -> Result<Self, InvalidName> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(given) { Ok(Self(given.to_owned())) } else { Err(InvalidName($expected)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The name of a general-purpose bucket.
    BucketName,
    "the name of a bucket: 3 to 63 of a-z 0-9 . -, not an ARN or a URL",
    |name| (3..=63).contains(&name.len()) && name.bytes().all(|byte| is_lowercase_or_digit(byte) || b".-".contains(&byte))
}

name! {
    /// The prefix of a lake in its bucket. Empty if the lake is the whole bucket.
    KeyPrefix,
    "a prefix without / at either end or twice, without . and .. between",
    |prefix| prefix.is_empty() || prefix.split('/').all(is_segment)
}

name! {
    /// The name of a Glue database that Athena can address. Glue stores names in lower case.
    DatabaseName,
    "the name of a Glue database: 1 to 255 of a-z 0-9 _ -, not an ARN",
    |name| (1..=255).contains(&name.len()) && name.bytes().all(|byte| is_lowercase_or_digit(byte) || b"_-".contains(&byte))
}

name! {
    /// The ID of an AWS account.
    AccountId,
    "an account ID: 12 digits",
    |id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())
}

impl KeyPrefix {
    /// Returns the prefix of a lake that is the whole bucket.
    pub fn none() -> Self {
        Self(String::new())
    }
}

fn is_lowercase_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Returns true if a part of a prefix stays the same in an S3 key, a URL and a path.
fn is_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..") && !segment.chars().any(char::is_control)
}
