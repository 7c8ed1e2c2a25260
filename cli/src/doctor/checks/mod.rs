//! The checks: plain functions over the facts of a stack.

pub(super) mod alarms;
mod all_jobs;
mod delivery;
mod function;
mod lake;
mod queues;
mod roles;
#[cfg(test)]
pub(super) mod sound;
mod videos;

use super::check::{Check, Fault};
use super::facts::{Facts, Reading};
use super::fix::{aws, revert_drift};

/// Runs all checks, in the order of the way of the data: stack, videos, topic, queues, function, lake, the tables of all
/// jobs, then the alarms.
pub(crate) fn check_all(facts: &Facts) -> Vec<Check> {
    let groups = [
        vec![Check::new("stack", stack(facts))],
        videos::checks(facts),
        delivery::checks(facts),
        queues::checks(facts),
        function::checks(facts),
        roles::checks(facts),
        lake::checks(facts),
        all_jobs::checks(facts),
        alarms::checks(facts),
    ];
    groups.into_iter().flatten().collect()
}

/// The last operation on the stack succeeded, or was rolled back without damage.
fn stack(facts: &Facts) -> Result<String, Fault> {
    let (stack, status) = (&facts.stack, &facts.stack.status);
    let (name, text) = (&stack.name, format!("{} is in {status}", stack.name));
    match &**status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Ok(text),
        // The stack is as before the failed update.
        "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => Ok(format!("{text}: the last update failed")),
        "UPDATE_ROLLBACK_FAILED" => {
            let resume = ["cloudformation", "continue-update-rollback", "--stack-name", name];
            Err(Fault::new(text, aws(&facts.names, &resume)))
        }
        status if status.ends_with("_IN_PROGRESS") => {
            let wait = ["cloudformation", "wait", "stack-update-complete", "--stack-name", name];
            Err(Fault::new(text, aws(&facts.names, &wait)))
        }
        _ => {
            let events = ["cloudformation", "describe-stack-events", "--stack-name", name];
            Err(Fault::new(text, aws(&facts.names, &events)))
        }
    }
}

/// Returns a resource, or the fault that it does not exist or cannot be read.
fn present<'a, T>(facts: &Facts, reading: &'a Reading<T>, what: &str) -> Result<&'a T, Fault> {
    let missing = || Fault::new(format!("{what} does not exist"), revert_drift(&facts.names));
    reading.as_ref().map_err(Clone::clone)?.as_ref().ok_or_else(missing)
}

/// Returns checks of one resource, or a single check with the fault that it does not exist or cannot be read.
fn checks_of<'a, T>(
    facts: &Facts,
    name: &str,
    what: &str,
    reading: &'a Reading<T>,
    checks: impl FnOnce(&'a T) -> Vec<Check>,
) -> Vec<Check> {
    match present(facts, reading, what) {
        Ok(found) => checks(found),
        Err(fault) => vec![Check::new(name, Err(fault))],
    }
}
