//! Reads roles from IAM, and asks IAM which of the required permissions they have.

use aws_config::SdkConfig;
use futures_util::future::try_join_all;
use label_lake::table::layout::unescape;
use serde_json::Value;

use super::{found, unreadable};
use crate::account::stack::query_protocol::{Field, IAM, QueryClient, list_fields};
use crate::account::stack::replies::{GetRole, SimulatePrincipalPolicy};
use crate::doctor::check::Fault;
use crate::doctor::facts::{Denied, Reading, Role};

/// Condition key of `iam:PassRole` with the service to which the starter passes a role. The other actions ignore it.
const PASSED_TO_REKOGNITION: [Field<'_>; 3] = [
    ("ContextEntries.member.1.ContextKeyName", "iam:PassedToService"),
    ("ContextEntries.member.1.ContextKeyType", "string"),
    ("ContextEntries.member.1.ContextKeyValues.member.1", "rekognition.amazonaws.com"),
];

/// Reads a role, and those of the permissions that it lacks.
pub(super) async fn read(aws: &SdkConfig, name: &str, permissions: Vec<(Vec<&str>, String)>) -> Reading<Role> {
    let client = QueryClient::new(aws, IAM);
    let reply = client.call::<GetRole>("GetRole", &[("RoleName", name)]).await;
    let Some(GetRole { role }) = found("iam:GetRole", &format!("role {name}"), reply)? else { return Ok(None) };
    let simulations = permissions.iter().map(|(actions, resource)| simulate(&client, &role.arn, actions, resource));
    let denied = try_join_all(simulations).await?.concat();
    // IAM encodes the document as it encodes a URL.
    let trust = serde_json::from_str(&unescape(&role.assume_role_policy_document)).unwrap_or(Value::Null);
    Ok(Some(Role { arn: role.arn, trust, denied }))
}

/// Returns those of the actions that the role may not take on the resource. IAM evaluates all policies of the role, and its
/// permissions boundary.
async fn simulate(client: &QueryClient, role: &str, actions: &[&str], resource: &str) -> Result<Vec<Denied>, Fault> {
    let names = list_fields("ActionNames", actions.len());
    let mut fields: Vec<Field<'_>> = vec![("PolicySourceArn", role), ("ResourceArns.member.1", resource)];
    fields.extend(PASSED_TO_REKOGNITION);
    fields.extend(names.iter().map(String::as_str).zip(actions.iter().copied()));
    let reply = client.call::<SimulatePrincipalPolicy>("SimulatePrincipalPolicy", &fields).await;
    let reply = reply.map_err(|error| unreadable("iam:SimulatePrincipalPolicy", &format!("role {role}"), &error))?;
    let denied = reply.evaluation_results.member.into_iter().filter(|result| result.eval_decision != "allowed");
    let denied = denied.map(|result| Denied {
        is_explicit: result.eval_decision == "explicitDeny",
        action: result.eval_action_name,
        resource: resource.to_owned(),
    });
    Ok(denied.collect())
}
