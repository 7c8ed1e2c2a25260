#![doc = include_str!("../README.md")]

pub mod aws;
pub mod config;
pub mod error;
pub mod export;
pub mod glue;
pub mod handler;
pub mod job_id;
pub mod lake;
pub mod notification;
pub mod rekognition;
pub mod starter;
pub mod table;
pub mod telemetry;
