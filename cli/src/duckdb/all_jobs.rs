//! The tables of all jobs as views in DuckDB, which needs no copy of the rows. Queries of these tables therefore run on any
//! lake.

use label_lake::table::schema::{JOBS, LABEL_DETECTIONS, LABEL_SEGMENTS, Table};

/// A table of all jobs, which `all-jobs/` creates in Athena.
#[derive(Debug)]
pub(crate) struct AllJobsTable {
    pub(crate) name: &'static str,
    /// The tables of the lake that the view reads.
    pub(crate) sources: &'static [&'static Table],
    /// The query of the view.
    select: &'static str,
}

/// All tables of all jobs.
pub(crate) static ALL_JOBS_TABLES: [AllJobsTable; 3] = [
    AllJobsTable { name: "all_jobs", sources: &[&JOBS], select: "FROM jobs" },
    AllJobsTable {
        name: "all_detections",
        sources: &[&JOBS, &LABEL_DETECTIONS],
        select: "FROM label_detections JOIN (SELECT job_id, completed_at_ms FROM jobs) USING (job_id)",
    },
    AllJobsTable {
        name: "all_segments",
        sources: &[&JOBS, &LABEL_SEGMENTS],
        select: "FROM label_segments JOIN (SELECT job_id, completed_at_ms FROM jobs) USING (job_id)",
    },
];

impl AllJobsTable {
    /// Returns the statement that creates the view. The views of its sources have to exist.
    pub(crate) fn view(&self) -> String {
        format!("CREATE OR REPLACE VIEW {} AS {};\n", self.name, self.select)
    }
}
