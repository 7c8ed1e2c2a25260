//! Reads the facts of a stack from the account. All calls are made here, most of them at the same time.

mod alarms;
mod all_jobs;
mod function;
mod lake;
mod queues;
mod roles;
mod schedule;
mod topic;
mod videos;

use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use label_lake::aws::diagnose::diagnose;
use label_lake::error::with_sources;

use super::check::Fault;
use super::facts::{Facts, Reading};
use super::names::Names;
use crate::account::Account;
use crate::account::stack::Stack;

/// Error codes of a resource that does not exist.
const MISSING: [&str; 10] = [
    "AWS.SimpleQueueService.NonExistentQueue",
    "EntityNotFoundException",
    "NoSuchBucket",
    "NoSuchEntity",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
];

/// Reads the facts of a stack. Fails only if the stack itself cannot be read; all other errors are faults.
pub(crate) async fn read(account: &Account, stack: Stack) -> anyhow::Result<Facts> {
    let resources = stack.resources(account.config(), account.region()).await?;
    let names = Names::new(&stack, &resources)?;
    let aws = account.retrying_config();
    let lake = account.lake(&names.lake, Some(&names.database))?;
    let (
        function,
        topic,
        failed_queue,
        job_queue,
        function_role,
        rekognition_role,
        videos,
        alarms,
        alarm_subscriptions,
        tables,
        jobs,
        all_jobs,
    ) = tokio::join!(
        function::read(&aws, &names.function),
        topic::read(&aws, &names),
        queues::read(&aws, &names.failed_queue_url),
        queues::read_optional(&aws, names.job_queue_url.as_deref()),
        roles::read(&aws, &names.function_role, names.function_permissions()),
        roles::read(&aws, &names.rekognition_role, vec![(vec!["sns:Publish"], names.topic.clone())]),
        videos::read(&aws, &names),
        alarms::read(&aws, &resources),
        topic::read_alarm_subscriptions(&aws, &names),
        lake::read_tables(&aws, &names),
        lake::read_last_jobs(&lake),
        all_jobs::read(&aws, names.all_jobs.as_ref()),
    );
    Ok(Facts {
        stack,
        resources,
        names,
        function,
        topic,
        failed_queue,
        job_queue,
        function_role,
        rekognition_role,
        videos,
        alarms,
        alarm_subscriptions,
        tables,
        jobs,
        all_jobs,
    })
}

/// Returns the reply to a call, `None` if the resource does not exist, or the fault that it cannot be read.
fn found<T, E>(action: &str, resource: &str, reply: Result<T, SdkError<E, HttpResponse>>) -> Reading<T>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if error.code().is_some_and(|code| MISSING.contains(&code)) => Ok(None),
        Err(error) => Err(unreadable(action, resource, &error)),
    }
}

/// Returns the fault of a call that failed.
fn unreadable<E>(action: &str, resource: &str, error: &SdkError<E, HttpResponse>) -> Fault
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let cause = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => with_sources(error),
    };
    let fix = match (diagnose(error, None), error.code()) {
        (Some(diagnosis), _) => diagnosis.hint(),
        (None, Some(code)) if code.contains("AccessDenied") || code == "AuthorizationError" => {
            format!("allow {action} on {resource} to whoever runs this command")
        }
        _ => "run the command again".to_owned(),
    };
    Fault::new(format!("{resource} cannot be read: {action}: {cause}"), fix)
}
