//! The end of an invocation that does not finish its job: a restart, or a checkpoint and a continuation.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;

use super::begin::Attempt;
use super::checkpoint::Checkpoint;
use super::{Exporter, Invocation, Outcome};
use crate::aws::call::{Call, ErrorClass};
use crate::aws::caller::Caller;
use crate::aws::deadline::Deadline;
use crate::aws::retry::retry_until;
use crate::error::{Error, RestartReason};
use crate::notification::Completion;

/// Number of invocations in a row without progress after which a job fails.
const MAX_STALLED: u32 = 3;

impl Exporter {
    /// Resets the state to page 1 and saves it, so that no later delivery relies on what this one could not use.
    ///
    /// # Errors
    /// `error`, if this invocation has restarted for the same reason before.
    pub(super) async fn restart(
        &self,
        attempt: &mut Attempt,
        reason: RestartReason,
        error: Error,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let state = &mut attempt.state;
        // With all labels open already, a second reading would end the same way.
        let is_final = attempt.restarts.contains(&reason) || (reason == RestartReason::NotGrouped && state.all_open);
        state.restart(attempt.pages_before);
        state.all_open |= reason == RestartReason::NotGrouped;
        let job = state.completion.job_id.clone();
        self.save(attempt, deadline).await?;
        if is_final {
            return Err(error);
        }
        tracing::warn!(%job, reason = error.with_sources(), "restarting from page 1");
        attempt.saved = true;
        attempt.restarts.push(reason);
        Ok(())
    }

    /// Saves a checkpoint, and invokes the function again to continue from it.
    pub(super) async fn hand_over(
        &self,
        mut attempt: Attempt,
        progress: bool,
        completion: &Completion,
        invocation: Invocation<'_>,
    ) -> Result<Outcome, Error> {
        let state = &mut attempt.state;
        // An export that restarts in every invocation gets nowhere, however many pages each of them reads.
        let progress = progress && (attempt.restarts.is_empty() || state.pages() > state.furthest);
        state.stalled = if progress { 0 } else { state.stalled + 1 };
        if state.stalled >= MAX_STALLED {
            return Err(Error::TooManyContinuations { job: completion.job_id.clone(), stalled: state.stalled });
        }
        self.save(&attempt, invocation.deadline).await?;
        let Checkpoint { completion: first, replaces, .. } = attempt.state;
        let next = Completion { continuation: completion.continuation + 1, replaces, ..first };
        invoke(&self.lambda, &next, invocation).await
    }

    /// Leaves a job that this invocation has no time to begin to an invocation of its own.
    ///
    /// # Errors
    /// `AccessDenied`, `Throttled`, `Upstream`.
    pub(crate) async fn defer(&self, completion: &Completion, invocation: Invocation<'_>) -> Result<Outcome, Error> {
        let next = Completion { continuation: completion.continuation + 1, ..completion.clone() };
        invoke(&self.lambda, &next, invocation).await
    }
}

/// Invokes the function asynchronously with a message.
async fn invoke(client: &Client, next: &Completion, invocation: Invocation<'_>) -> Result<Outcome, Error> {
    let function_arn = invocation.function_arn;
    let call = Call {
        job: &next.job_id,
        class: ErrorClass::Upstream,
        action: "lambda:InvokeFunction",
        resource: function_arn.to_owned(),
        region: None,
        caller: Caller::Function,
    };
    let payload = serde_json::to_vec(next).map_err(|error| call.failed(false, error.into()))?;
    retry_until(invocation.deadline.answer(), &call, || async {
        let request = client.invoke().function_name(function_arn).invocation_type(InvocationType::Event);
        request.payload(Blob::new(payload.clone())).send().await.map_err(|error| call.error(error))
    })
    .await?;
    tracing::info!(job = %next.job_id, continuation = next.continuation, "continuing in another invocation");
    Ok(Outcome::HandedOver)
}
