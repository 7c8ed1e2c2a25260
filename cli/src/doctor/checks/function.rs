//! Checks of the function and its settings.

use std::collections::BTreeMap;

use serde_json::json;

use super::checks_of;
use crate::doctor::check::{Check, Fault};
use crate::doctor::facts::{Facts, Failures, Function, LATEST, Reading, Role};
use crate::doctor::fix::{aws, label_lake, revert_drift};

/// Timeout in the template, in seconds.
const TIMEOUT: i32 = 900;
/// Retries of an asynchronous event in the template.
const RETRIES: i32 = 2;
/// Maximum age of an asynchronous event in the template, in seconds.
const MAXIMUM_AGE: i32 = 21_600;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let what = format!("function {}", facts.names.function);
    let own = Executes { name: &facts.names.function, role: &facts.names.function_role, read: &facts.function_role };
    checks_of(facts, "function", &what, &facts.function, |function| {
        vec![
            Check::new("function", state(facts, &facts.names.function, function)),
            Check::new("function settings", settings(facts, function)),
            Check::new("function timeout", timeout(facts, &facts.names.function, function, TIMEOUT)),
            Check::new("function memory", memory(facts, function)),
            Check::new("function concurrency", concurrency(facts, function)),
            Check::new("function role", role(facts, &own, function)),
            Check::new("long jobs", loop_detection(facts, function)),
            Check::new("failed events", failures(facts, function)),
        ]
    })
}

pub(super) fn state(facts: &Facts, name: &str, function: &Function) -> Result<String, Fault> {
    let text = format!("{name} is {}", function.state);
    match &*function.state {
        "Failed" | "ActiveNonInvocable" => Err(Fault::new(text, revert_drift(&facts.names))),
        _ => Ok(text),
    }
}

/// The environment names the lake of the stack.
fn settings(facts: &Facts, function: &Function) -> Result<String, Fault> {
    let names = &facts.names;
    let expected = [
        ("OUTPUT_BUCKET", names.lake.bucket.as_str()),
        ("OUTPUT_PREFIX", names.lake.prefix.as_str()),
        ("GLUE_DATABASE", names.database.as_str()),
        ("AGGREGATE_BY", facts.stack.parameter("AggregateBy")),
    ];
    expect_settings(facts, &names.function, function, &expected)?;
    Ok(format!("writes to {}, database {}", names.lake, names.database))
}

/// The environment has these values.
pub(super) fn expect_settings(
    facts: &Facts,
    name: &str,
    function: &Function,
    expected: &[(&str, &str)],
) -> Result<(), Fault> {
    let found = |name: &str| function.environment.get(name).map(String::as_str).unwrap_or_default();
    let wrong: Vec<_> = expected.iter().filter(|(name, value)| found(name) != *value).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let texts = wrong.iter().map(|(name, value)| format!("{name} is {:?} instead of {value:?}", found(name)));
    let text = texts.collect::<Vec<_>>().join(", ");
    let mut variables: BTreeMap<_, _> = function.environment.clone();
    variables.extend(wrong.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let environment = json!({ "Variables": variables }).to_string();
    Err(Fault::new(text, configure(facts, name, "--environment", &environment)))
}

/// `expected` is in seconds.
pub(super) fn timeout(facts: &Facts, name: &str, function: &Function, expected: i32) -> Result<String, Fault> {
    let text = format!("{} s", function.timeout);
    if function.timeout == expected {
        return Ok(text);
    }
    let fix = configure(facts, name, "--timeout", &expected.to_string());
    Err(Fault::new(format!("{text} instead of {expected} s"), fix))
}

fn memory(facts: &Facts, function: &Function) -> Result<String, Fault> {
    let (text, expected) = (format!("{} MB", function.memory), facts.stack.parameter("MemorySize"));
    if expected.is_empty() || expected == function.memory.to_string() {
        return Ok(text);
    }
    Err(Fault::new(
        format!("{text} instead of {expected} MB"),
        configure(facts, &facts.names.function, "--memory-size", expected),
    ))
}

fn concurrency(facts: &Facts, function: &Function) -> Result<String, Fault> {
    let names = &facts.names;
    let describe = |reserved: Option<i32>| match reserved {
        None => "not reserved".to_owned(),
        Some(0) => "0: the function is stopped".to_owned(),
        Some(reserved) => format!("{reserved} reserved"),
    };
    let expected = facts.stack.parameter("ReservedConcurrency").parse().ok().filter(|&reserved: &i32| reserved >= 0);
    let (found, text) = (function.reserved_concurrency, describe(function.reserved_concurrency));
    if found == Some(0) && expected == Some(0) {
        let replay = label_lake(names, "replay", &[]);
        return Err(Fault::new(text, format!("deploy with another ReservedConcurrency, then run: {replay}")));
    }
    if found == expected {
        return Ok(text);
    }
    let command = match expected {
        None => aws(names, &["lambda", "delete-function-concurrency", "--function-name", &names.function]),
        Some(reserved) => {
            let reserved = reserved.to_string();
            let put = ["lambda", "put-function-concurrency", "--function-name", &names.function];
            aws(names, &[&put[..], &["--reserved-concurrent-executions", &reserved]].concat())
        }
    };
    Err(Fault::new(format!("{text} instead of {}", describe(expected)), command))
}

/// A function with the name of its role, and the role as it was read.
pub(super) struct Executes<'a> {
    pub(super) name: &'a str,
    pub(super) role: &'a str,
    pub(super) read: &'a Reading<Role>,
}

/// The function has the role of the stack.
pub(super) fn role(facts: &Facts, own: &Executes<'_>, function: &Function) -> Result<String, Fault> {
    let expected = own.role;
    let found = function.role.rsplit('/').next().unwrap_or_default();
    if found == expected {
        return Ok(found.to_owned());
    }
    let text = format!("{found} instead of {expected}");
    let fix = match own.read {
        Ok(Some(role)) => configure(facts, own.name, "--role", &role.arn),
        _ => revert_drift(&facts.names),
    };
    Err(Fault::new(text, fix))
}

/// Lambda lets the function invoke itself.
fn loop_detection(facts: &Facts, function: &Function) -> Result<String, Fault> {
    let names = &facts.names;
    if function.recursive_loop == "Allow" {
        return Ok("the function may continue in other invocations".to_owned());
    }
    let put = ["lambda", "put-function-recursion-config", "--function-name", &names.function];
    let command = aws(names, &[&put[..], &["--recursive-loop", "Allow"]].concat());
    Err(Fault::new("recursive loop detection stops a long job after about 16 invocations", command))
}

/// Events that fail are retried, and then go to the dead-letter queue.
fn failures(facts: &Facts, function: &Function) -> Result<String, Fault> {
    let names = &facts.names;
    let queue = names.failed_queue_arn();
    let expected =
        Failures { retries: Some(RETRIES), maximum_age: Some(MAXIMUM_AGE), destination: Some(queue.clone()) };
    let text = match &function.failures {
        Some(found) if *found == expected => return Ok(format!("go to the dead-letter queue after {RETRIES} retries")),
        Some(found) if found.destination.as_ref() == Some(&queue) => {
            let number =
                |value: Option<i32>| value.map_or_else(|| "Lambda's default".to_owned(), |value| value.to_string());
            let (retries, age) = (number(found.retries), number(found.maximum_age));
            format!("retries: {retries} instead of {RETRIES}; maximum age: {age} instead of {MAXIMUM_AGE} s")
        }
        Some(Failures { destination: Some(other), .. }) => format!("go to {other} instead of the dead-letter queue"),
        _ => "are lost after the last retry: the function has no dead-letter queue".to_owned(),
    };
    let destination = json!({ "OnFailure": { "Destination": queue } }).to_string();
    let (retries, age) = (RETRIES.to_string(), MAXIMUM_AGE.to_string());
    let put = ["lambda", "put-function-event-invoke-config", "--function-name", &names.function, "--qualifier", LATEST];
    let values = [
        "--maximum-retry-attempts",
        &retries,
        "--maximum-event-age-in-seconds",
        &age,
        "--destination-config",
        &destination,
    ];
    Err(Fault::new(text, aws(names, &[&put[..], &values].concat())))
}

/// Returns the command that sets a part of the configuration of a function.
fn configure(facts: &Facts, name: &str, option: &str, value: &str) -> String {
    let update = ["lambda", "update-function-configuration", "--function-name", name, option, value];
    aws(&facts.names, &update)
}

#[cfg(test)]
mod tests {
    use crate::doctor::checks::sound::{assert_fault, assert_sound, facts, function};

    #[test]
    fn each_broken_setting_is_a_fault_with_the_command_that_fixes_it() {
        assert_sound(&facts());
        let broken = |change: &dyn Fn(&mut crate::doctor::facts::Function)| {
            let mut facts = facts();
            change(function(&mut facts));
            facts
        };
        let prefix = "aws lambda update-function-configuration --function-name label-lake";
        for (facts, check, text, fix) in vec![
            (
                broken(&|f| f.timeout = 60),
                "function timeout",
                "60 s instead of 900 s",
                format!("{prefix} --timeout 900"),
            ),
            (broken(&|f| f.memory = 128), "function memory", "128 MB instead", format!("{prefix} --memory-size 256")),
            (
                broken(&|f| f.environment.insert("OUTPUT_BUCKET".into(), "other".into()).map_or((), drop)),
                "function settings",
                r#"OUTPUT_BUCKET is "other" instead of "my-lake""#,
                format!(
                    r#"{prefix} --environment '{{"Variables":{{"AGGREGATE_BY":"TIMESTAMPS","GLUE_DATABASE":"label_lake","#
                ),
            ),
            (
                broken(&|f| f.environment.remove("OUTPUT_PREFIX").map_or((), drop)),
                "function settings",
                r#"OUTPUT_PREFIX is "" instead of "video""#,
                prefix.to_owned(),
            ),
            (
                broken(&|f| f.reserved_concurrency = Some(0)),
                "function concurrency",
                "0: the function is stopped",
                "aws lambda delete-function-concurrency --function-name label-lake".to_owned(),
            ),
            (
                broken(&|f| f.role = "arn:aws:iam::123456789012:role/other".into()),
                "function role",
                "other instead of FunctionRole",
                format!("{prefix} --role arn:aws:iam::123456789012:role/FunctionRole"),
            ),
            (
                broken(&|f| f.recursive_loop = "Terminate".into()),
                "long jobs",
                "recursive loop detection",
                "aws lambda put-function-recursion-config".to_owned(),
            ),
            (
                broken(&|f| f.failures = None),
                "failed events",
                "are lost",
                "aws lambda put-function-event-invoke-config".to_owned(),
            ),
            (
                broken(&|f| f.failures.as_mut().unwrap().retries = Some(0)),
                "failed events",
                "retries: 0 instead of 2",
                "aws lambda put-function-event-invoke-config".to_owned(),
            ),
            (
                broken(&|f| f.failures.as_mut().unwrap().destination = Some("arn:other".into())),
                "failed events",
                "go to arn:other",
                "aws lambda put-function-event-invoke-config".to_owned(),
            ),
            (
                broken(&|f| f.state = "Failed".into()),
                "function",
                "label-lake is Failed",
                "aws cloudformation create-change-set".to_owned(),
            ),
        ] {
            assert_fault(&facts, check, text, &fix);
        }
    }

    #[test]
    fn a_function_that_the_parameters_stop_is_a_fault() {
        let mut facts = facts();
        facts.stack.parameters.insert("ReservedConcurrency".into(), "0".into());
        function(&mut facts).reserved_concurrency = Some(0);
        assert_fault(&facts, "function concurrency", "stopped", "deploy with another ReservedConcurrency");
    }

    #[test]
    fn a_missing_function_is_one_fault() {
        let mut facts = facts();
        facts.function = Ok(None);
        assert_fault(&facts, "function", "function label-lake does not exist", "aws cloudformation create-change-set");
    }
}
