//! The HTTP server that every service runs on: listeners, connections, requests and replies.

pub(crate) mod connection;
pub(crate) mod exchange;
pub(crate) mod listener;
pub(crate) mod reply;
pub(crate) mod service;
pub(crate) mod tls;
pub(crate) mod transfer;
