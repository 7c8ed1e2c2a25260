//! The subcommands of `label-lake`, one per file.

pub(crate) mod backfill;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod ddl;
pub(crate) mod delete;
pub(crate) mod demo;
pub(crate) mod export;
pub(crate) mod list;
mod list_videos;
pub(crate) mod man;
pub(crate) mod query;
pub(crate) mod register;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod start;
pub(crate) mod status;
