//! Causes of errors that only a person can remove: a wrong region, a wrong or expired login, no connection.

use super::{Audience, Source};

/// A cause that no retry removes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Diagnosis {
    /// The bucket is not in the region of the client.
    #[error("the bucket is {}", place(region.as_deref()))]
    WrongRegion {
        /// Region in the header `x-amz-bucket-region`. S3 sends the header with every redirect; a redirect without it comes
        /// from a proxy or another store.
        region: Option<String>,
    },
    /// AWS does not know the access key.
    #[error("the access key is not valid")]
    InvalidKey,
    /// The signature was not made with the secret of the access key.
    #[error("the access key is not valid: the secret access key does not match it")]
    WrongSecret,
    /// The session token has expired.
    #[error("the login has expired")]
    ExpiredLogin,
    /// The host has no address, does not accept connections, or cannot prove its identity.
    #[error("no connection can be opened")]
    NoConnection,
}

fn place(region: Option<&str>) -> String {
    match region {
        Some(region) => format!("in {region}"),
        None => "at another endpoint, most likely in another region".to_owned(),
    }
}

impl Diagnosis {
    /// Returns the cause and the next step of a person who runs a command.
    pub fn for_operator(&self) -> String {
        self.with_advice(Audience::Operator)
    }

    /// Returns the next step of a person who runs a command.
    pub fn hint(&self) -> String {
        self.advice(Audience::Operator)
    }

    pub(super) fn with_advice(&self, audience: Audience) -> String {
        format!("{self}; {}", self.advice(audience))
    }

    fn advice(&self, audience: Audience) -> String {
        match (self, audience) {
            (Self::WrongRegion { .. }, Audience::Log) => {
                "deploy the function in that region, or choose a bucket in its own".to_owned()
            }
            (Self::WrongRegion { region: Some(region) }, Audience::Operator) => {
                format!("run the command with --region {region}")
            }
            (Self::WrongRegion { region: None }, Audience::Operator) => {
                "pass the region of the bucket with --region".to_owned()
            }
            (Self::InvalidKey | Self::WrongSecret | Self::ExpiredLogin, Audience::Log) => {
                "check the credentials in the environment of the function".to_owned()
            }
            (Self::InvalidKey | Self::WrongSecret, Audience::Operator) => {
                "check --profile, AWS_PROFILE, and AWS_ACCESS_KEY_ID, or log in again".to_owned()
            }
            (Self::ExpiredLogin, Audience::Operator) => {
                "log in again, for example with `aws sso login` or `aws login`".to_owned()
            }
            (Self::NoConnection, Audience::Log) => {
                "check the region, the endpoint, AWS_CA_BUNDLE, and the network".to_owned()
            }
            (Self::NoConnection, Audience::Operator) => {
                "check --region, AWS_REGION, the endpoint, AWS_CA_BUNDLE, and the network".to_owned()
            }
        }
    }
}

/// Source of an error whose cause is known.
#[derive(Debug, thiserror::Error)]
#[error("{diagnosis}")]
pub(crate) struct Diagnosed {
    pub(crate) diagnosis: Diagnosis,
    pub(crate) source: Source,
}
