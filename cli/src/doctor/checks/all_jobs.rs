//! Checks of what keeps the tables of all jobs: the state machine, its schedules, and its last execution.

use std::iter;
use std::time::Duration;

use indicatif::HumanDuration;

use super::{checks_of, present};
use crate::doctor::check::{Check, Fault};
use crate::doctor::facts::{AllJobs, Execution, Facts, Machine, Reading};
use crate::doctor::fix::{aws, label_lake, revert_drift};

/// Error of an execution whose cause ends with the IDs of jobs. Their files have other rows than `jobs` says.
const COUNTS_DIFFER: &str = "AllJobs.CountsDiffer";
/// Beginnings of the errors of calls, which a changed role refuses.
const REFUSED: [&str; 2] = ["Athena.", "Sfn."];
/// Time without an execution after which the schedule does not work. Two runs were missed then.
const DAILY: Duration = Duration::from_hours(49);
const HOURLY: Duration = Duration::from_hours(3);

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let (Some(AllJobs { machine, schedules }), Some(names)) = (&facts.all_jobs, &facts.names.all_jobs) else {
        return Vec::new();
    };
    let arn = &names.machine;
    let mut checks = checks_of(facts, "tables of all jobs", &format!("state machine {arn}"), machine, |machine| {
        vec![Check::new("tables of all jobs", last_run(facts, arn, machine))]
    });
    let schedules = schedules.iter();
    checks.extend(schedules.map(|(name, state)| Check::new(format!("schedule {name}"), enabled(facts, name, state))));
    checks
}

/// The schedule exists and is enabled.
fn enabled(facts: &Facts, name: &str, state: &Reading<String>) -> Result<String, Fault> {
    let state = present(facts, state, &format!("schedule {name}"))?;
    if state == "ENABLED" {
        return Ok("is enabled".to_owned());
    }
    Err(Fault::new(format!("is {state}, so it starts nothing"), revert_drift(&facts.names)))
}

/// The last execution has not failed, and is not older than the schedule says.
fn last_run(facts: &Facts, machine_arn: &str, machine: &Machine) -> Result<String, Fault> {
    let limit = if facts.stack.parameter("AllJobs") == "Hourly" { HOURLY } else { DAILY };
    let Some(Execution { status, age, .. }) = &machine.last else {
        if machine.age > limit {
            let text = format!("no run in the {} since the state machine was created", HumanDuration(machine.age));
            return Err(Fault::new(text, revert_drift(&facts.names)));
        }
        return Ok("no run yet".to_owned());
    };
    let ago = format!("{} ago", HumanDuration(*age));
    match &**status {
        "RUNNING" => Ok(format!("a run has started {ago}")),
        "SUCCEEDED" if *age <= limit => Ok(format!("the last run, {ago}, succeeded")),
        "SUCCEEDED" => Err(Fault::new(
            format!("the last run was {ago}, so the schedule does not work"),
            revert_drift(&facts.names),
        )),
        _ => Err(failure(facts, machine_arn, machine.last.as_ref(), &ago)),
    }
}

/// Returns the fault of an execution that has failed, was stopped, or has timed out.
fn failure(facts: &Facts, machine_arn: &str, execution: Option<&Execution>, ago: &str) -> Fault {
    let names = &facts.names;
    let Execution { status, error, cause, .. } = execution.cloned().unwrap_or_default();
    let reason = [&*error, &*cause].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
    let reason = if reason.is_empty() { "no reason is given".to_owned() } else { reason };
    let start = || aws(names, &["stepfunctions", "start-execution", "--state-machine-arn", machine_arn]);
    let fix = match cause.rsplit_once(": ") {
        Some((_, jobs)) if error == COUNTS_DIFFER => {
            let words: Vec<_> = iter::once("--overwrite").chain(jobs.split(", ")).collect();
            label_lake(names, "backfill", &words)
        }
        _ if REFUSED.iter().any(|service| error.starts_with(service)) => revert_drift(names),
        _ => start(),
    };
    Fault::new(format!("the last run, {ago}, is {status}: {reason}"), fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::sound::{assert_fault, assert_sound, facts, facts_with_all_jobs};

    const NAME: &str = "tables of all jobs";
    const REVERT: &str = "aws cloudformation create-change-set";
    const START: &str = "aws stepfunctions start-execution --state-machine-arn arn:aws:states:";

    fn broken(change: impl FnOnce(&mut AllJobs)) -> Facts {
        let mut facts = facts_with_all_jobs();
        change(facts.all_jobs.as_mut().unwrap());
        facts
    }

    fn with_machine(change: impl FnOnce(&mut Machine)) -> Facts {
        broken(|all_jobs| change(all_jobs.machine.as_mut().unwrap().as_mut().unwrap()))
    }

    fn ended(status: &str, error: &str, cause: &str) -> Facts {
        let (status, error, cause) = (status.to_owned(), error.to_owned(), cause.to_owned());
        with_machine(|machine| machine.last = Some(Execution { status, error, cause, ..Execution::default() }))
    }

    #[test]
    fn a_stack_without_the_tables_has_no_check_of_them() {
        assert_sound(&facts_with_all_jobs());
        assert_eq!(checks(&facts_with_all_jobs()).len(), 3);
        assert!(checks(&facts()).is_empty());
    }

    #[test]
    fn a_machine_or_schedule_that_is_missing_or_disabled_is_a_fault() {
        let missing = broken(|all_jobs| all_jobs.machine = Ok(None));
        assert_fault(&missing, NAME, "state machine arn:aws:states:eu-west-1:123456789012:", REVERT);
        let missing = broken(|all_jobs| all_jobs.schedules[0].1 = Ok(None));
        assert_fault(&missing, "schedule take-in", "schedule take-in does not exist", REVERT);
        let disabled = broken(|all_jobs| all_jobs.schedules[1].1 = Ok(Some("DISABLED".to_owned())));
        assert_fault(&disabled, "schedule maintain", "is DISABLED, so it starts nothing", REVERT);
    }

    #[test]
    fn a_run_that_failed_is_a_fault_with_its_reason() {
        let failed =
            ended("FAILED", "AllJobs.StatementFailed", "merge-jobs FAILED, query 1: Query exhausted resources");
        let text = "is FAILED: AllJobs.StatementFailed: merge-jobs FAILED, query 1: Query exhausted resources";
        assert_fault(&failed, NAME, text, START);
        let refused = ended("FAILED", "Athena.AccessDeniedException", "not authorized");
        assert_fault(&refused, NAME, "is FAILED: Athena.AccessDeniedException: not authorized", REVERT);
        let differ = ended("FAILED", COUNTS_DIFFER, "The row counts of these jobs differ: job-1, job-2");
        let export = "label-lake backfill --stack label-lake --region eu-west-1 --overwrite job-1 job-2";
        assert_fault(&differ, NAME, "job-1, job-2", export);
        let replaced = ended("FAILED", "AllJobs.RowsReplaced", "their rows have been replaced: job-1");
        assert_fault(&replaced, NAME, "have been replaced: job-1", START);
        assert_fault(&ended("ABORTED", "", ""), NAME, "is ABORTED: no reason is given", START);
        assert_fault(&ended("TIMED_OUT", "", ""), NAME, "is TIMED_OUT", START);
    }

    #[test]
    fn a_schedule_that_starts_nothing_is_a_fault() {
        let age = |hours| Duration::from_hours(hours);
        let last = |hours, status: &str| {
            let last = Execution { age: age(hours), status: status.to_owned(), ..Execution::default() };
            with_machine(|machine| machine.last = Some(last))
        };
        assert_sound(&last(48, "SUCCEEDED"));
        assert_fault(&last(72, "SUCCEEDED"), NAME, "the last run was 3 days ago", REVERT);
        assert_sound(&last(72, "RUNNING"));
        let mut hourly = last(4, "SUCCEEDED");
        hourly.stack.parameters.insert("AllJobs".to_owned(), "Hourly".to_owned());
        assert_fault(&hourly, NAME, "the last run was 4 hours ago", REVERT);

        let never = |hours| {
            with_machine(|machine| {
                machine.age = age(hours);
                machine.last = None;
            })
        };
        assert_sound(&never(1));
        assert_fault(&never(72), NAME, "no run in the 3 days since the state machine was created", REVERT);
    }
}
