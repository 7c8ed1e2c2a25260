//! The starter: videos in a queue become jobs, one each.

mod simulated;
mod world;
