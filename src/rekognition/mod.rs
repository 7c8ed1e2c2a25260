//! Rekognition's pages of a job: calls, replies that are parsed later, and the pace of the calls.

pub mod pace;
pub mod pages;
pub mod reply;
