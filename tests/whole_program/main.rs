//! The real `bootstrap` behind a Lambda Runtime API, against Rekognition and S3 on 127.0.0.1.

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
mod function;
mod jobs;
mod lambda_service;
mod lossless;
mod memory;
mod mixed;
mod order;
#[path = "../protocol/orders.rs"]
mod orders;
mod overlaps;
mod reader;
mod telemetry;
mod tls;
