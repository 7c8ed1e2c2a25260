//! The text of an error: the fact, advice for its reader, and the sources.

use std::error::Error as StdError;
use std::fmt::Write as _;

use super::{Blockage, Diagnosed, Diagnosis, Error};

/// Reader of an error message. The advice depends on what the reader can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Reads the log or the answer of the function, and can deliver a message again.
    Log,
    /// Has just run a command, and can run it again.
    Operator,
}

impl Error {
    /// Returns the error, the advice for whoever deployed the function, and all sources on one line.
    pub fn with_sources(&self) -> String {
        self.message(Audience::Log)
    }

    /// Returns the error, the advice for whoever ran a command, and all sources on one line.
    pub fn for_operator(&self) -> String {
        self.message(Audience::Operator)
    }

    /// Returns the next step for whoever ran a command, unless the fact says it all.
    pub fn hint(&self) -> Option<String> {
        match self.diagnosis() {
            Some(diagnosis) => Some(diagnosis.hint()),
            None => self.advice(Audience::Operator),
        }
    }

    /// Returns the cause, if it is known. It is one of the sources.
    fn diagnosis(&self) -> Option<&Diagnosis> {
        let cause = self.source()?.downcast_ref::<Diagnosed>()?;
        Some(&cause.diagnosis)
    }

    fn message(&self, audience: Audience) -> String {
        let text = match self.advice(audience) {
            Some(advice) => format!("{self}; {advice}"),
            None => self.to_string(),
        };
        append_sources(text, self.source())
    }

    /// Returns the next step, unless the fact says it all.
    fn advice(&self, audience: Audience) -> Option<String> {
        let retry = match audience {
            Audience::Log => "deliver the message again",
            Audience::Operator => "run the command again",
        };
        if let Some(diagnosis) = self.diagnosis() {
            let advice = diagnosis.with_advice(audience);
            return Some(match self {
                Self::AccessDenied { action, resource, .. } => format!("{action} on {resource}: {advice}"),
                _ => advice,
            });
        }
        match self {
            Self::InvalidEvent { .. } => {
                Some(r#"send an event of SNS or SQS, or a completion message such as {"JobId": "ID"}"#.to_owned())
            }
            Self::JobStillRunning { .. } => Some(format!("{retry} later")),
            Self::AccessDenied { action, resource, .. } => Some(match audience {
                Audience::Log => format!("allow {action} on {resource} in the role of the function"),
                Audience::Operator => format!("you lack permission {action} on {resource}"),
            }),
            Self::Throttled { .. } => Some(format!("{retry}, or raise the quota")),
            Self::Upstream { transient, .. }
            | Self::Storage { transient, .. }
            | Self::Checkpoint { transient, .. }
            | Self::Catalog { transient, .. } => Some(match (*transient, audience) {
                (true, _) => retry.to_owned(),
                (false, Audience::Log) => "retrying will not help until the cause is fixed".to_owned(),
                (false, Audience::Operator) => format!("fix the cause, then {retry}"),
            }),
            Self::StartsBlocked { action, resource, kind, .. } => Some(match kind {
                Blockage::Denied => format!("allow {action} on {resource} in the role of the starter"),
                Blockage::Transient => "the starter tries again within a minute".to_owned(),
                Blockage::Permanent => "no video is started until the cause is fixed".to_owned(),
            }),
            Self::KeyTooLong { .. } => Some(match audience {
                Audience::Log => "shorten OUTPUT_PREFIX".to_owned(),
                Audience::Operator => "shorten the prefix of the lake".to_owned(),
            }),
            Self::TooManyContinuations { .. } => Some("give the function more time".to_owned()),
            Self::InvalidJobId { .. }
            | Self::JobNotFound { .. }
            | Self::UnexpectedPage { .. }
            | Self::VideoNotStarted { .. }
            | Self::Configuration { .. } => None,
        }
    }
}

/// Returns any error and all its sources on one line.
pub fn with_sources(error: &dyn StdError) -> String {
    append_sources(error.to_string(), error.source())
}

fn append_sources(mut text: String, mut source: Option<&(dyn StdError + 'static)>) -> String {
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors of the SDK repeat the text of their source.
        if !text.contains(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    text.lines().map(str::trim).collect::<Vec<_>>().join(", ")
}
