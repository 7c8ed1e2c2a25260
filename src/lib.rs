#![doc = include_str!("../README.md")]

mod call;
pub mod catalog;
pub mod chain;
pub mod checkpoint;
pub mod config;
pub mod continuation;
pub mod error;
pub mod export;
pub mod glue;
pub mod grouping;
pub mod handler;
pub mod job_id;
pub mod lake;
pub mod layout;
pub mod metrics;
pub mod notification;
pub mod pace;
pub mod pacing;
pub mod pages;
pub mod parquet;
pub mod registration;
pub mod reply;
pub mod rows;
pub mod tables;
pub mod telemetry;
pub mod uploads;
