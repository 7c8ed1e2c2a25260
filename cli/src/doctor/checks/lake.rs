//! Checks of the tables and of the last jobs.

use label_lake::table::schema::{TABLES, Table};

use super::present;
use crate::account::lake::normalized;
use crate::doctor::check::{Check, Fault};
use crate::doctor::facts::{Facts, Job, Reading};
use crate::doctor::fix::{aws, label_lake};
use crate::output::text::count;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let tables = TABLES.iter().filter_map(|table| {
        let reading = facts.tables.get(table.name)?;
        Some(Check::new(format!("table {}", table.name), location(facts, table, reading)))
    });
    tables.chain(jobs(facts)).collect()
}

/// The table is in the lake of the stack.
fn location(facts: &Facts, table: &Table, reading: &Reading<String>) -> Result<String, Fault> {
    let (names, expected) = (&facts.names, facts.names.table_location(table));
    let found = present(facts, reading, &format!("table {}.{}", names.database, table.name))?;
    if normalized(found) == normalized(&expected) {
        return Ok(format!("is in {found}"));
    }
    let statement = format!("ALTER TABLE `{}` SET LOCATION '{expected}'", table.name);
    let context = format!("Database={}", names.database);
    let start = ["athena", "start-query-execution", "--work-group", &names.work_group];
    let values = ["--query-execution-context", &context, "--query-string", &statement];
    let alter = aws(names, &[&start[..], &values].concat());
    Err(Fault::new(format!("is in {found} instead of {expected}"), alter))
}

/// The last jobs are complete.
fn jobs(facts: &Facts) -> Vec<Check> {
    match &facts.jobs {
        Err(fault) => vec![Check::new("last jobs", Err(fault.clone()))],
        Ok(jobs) if jobs.is_empty() => {
            vec![Check::new("last jobs", Ok(format!("no job is committed in {}", facts.names.lake)))]
        }
        Ok(jobs) => jobs.iter().map(|job| Check::new(format!("job {}", job.id), complete(facts, job))).collect(),
    }
}

fn complete(facts: &Facts, job: &Job) -> Result<String, Fault> {
    let again = || label_lake(&facts.names, "backfill", &["--overwrite", &job.id]);
    let status = match &job.status {
        Ok(status) => status,
        Err(reason) => return Err(Fault::new(format!("its row cannot be read: {reason}"), again())),
    };
    if job.missing_files > 0 {
        return Err(Fault::new(format!("{} missing", count(job.missing_files, "file")), again()));
    }
    if job.missing_partitions > 0 {
        let register = label_lake(&facts.names, "register", &[&job.id]);
        return Err(Fault::new(format!("{} missing", count(job.missing_partitions, "partition")), register));
    }
    Ok(status.clone())
}

#[cfg(test)]
mod tests {
    use crate::doctor::checks::sound::{assert_fault, assert_sound, facts};

    #[test]
    fn a_table_elsewhere_or_missing_is_a_fault() {
        let mut broken = facts();
        broken.tables.insert("jobs", Ok(Some("s3://my-lake/old/jobs/".to_owned())));
        let fix = "aws athena start-query-execution --work-group label-lake --query-execution-context Database=label_lake \
                    --query-string 'ALTER TABLE `jobs` SET LOCATION '\\''s3://my-lake/video/jobs/'\\'''";
        assert_fault(&broken, "table jobs", "is in s3://my-lake/old/jobs/ instead of s3://my-lake/video/jobs/", fix);
        broken.tables.insert("jobs", Ok(None));
        let fix = "aws cloudformation create-change-set";
        assert_fault(&broken, "table jobs", "table label_lake.jobs does not exist", fix);
    }

    #[test]
    fn an_incomplete_job_is_a_fault() {
        let again = "label-lake backfill --stack label-lake --region eu-west-1 --overwrite job-1";
        let mut broken = facts();
        broken.jobs.as_mut().unwrap()[0].missing_partitions = 2;
        let register = "label-lake register --stack label-lake --region eu-west-1 job-1";
        assert_fault(&broken, "job job-1", "2 partitions missing", register);
        broken.jobs.as_mut().unwrap()[0].missing_files = 1;
        assert_fault(&broken, "job job-1", "1 file missing", again);
        broken.jobs.as_mut().unwrap()[0].status = Err("not Parquet".to_owned());
        assert_fault(&broken, "job job-1", "its row cannot be read: not Parquet", again);

        let mut empty = facts();
        empty.jobs = Ok(Vec::new());
        assert_sound(&empty);
    }
}
