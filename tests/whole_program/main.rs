//! Runs the real `bootstrap` behind a Lambda Runtime API, against simulated AWS services on 127.0.0.1.
//!
//! Each module but `support` is a suite. `tests/README.md` says what each of them proves.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test may")]

mod bad_input;
mod catalog;
mod commit;
mod continuations;
mod crashes;
mod deadlines;
mod duplicates;
mod endurance;
mod events;
mod fairness;
mod faults;
mod files;
mod jobs;
mod lossless;
mod memory;
mod mixed;
mod order;
mod overlaps;
mod starter;
mod support;
mod telemetry;
mod tls;
