//! Output for people and programs: standard output, progress bars, summaries, and reports.

pub(crate) mod backfill_report;
pub(crate) mod check_list;
pub(crate) mod confirmation;
pub(crate) mod file;
pub(crate) mod job_details;
pub(crate) mod job_list;
pub(crate) mod job_status;
pub(crate) mod phases;
pub(crate) mod progress;
pub(crate) mod report_file;
pub(crate) mod start_summary;
pub(crate) mod stderr;
pub(crate) mod stdout;
pub(crate) mod summary;
pub(crate) mod summary_text;
pub(crate) mod table;
pub(crate) mod terminal;
pub(crate) mod text;
pub(crate) mod video_list;
