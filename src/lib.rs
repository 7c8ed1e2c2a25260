#![doc = include_str!("../README.md")]

pub mod config;
pub mod error;
pub mod export;
pub mod grouping;
pub mod handler;
pub mod lake;
pub mod layout;
pub mod notification;
pub mod pacing;
pub mod pages;
pub mod parquet;
pub mod rows;
pub mod tables;
pub mod telemetry;
pub mod uploads;
