//! The parts that the command line reads of the replies in AWS's Query protocol.

use serde::Deserialize;

/// A list: `<List><member>…</member></List>`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Members<T> {
    #[serde(default = "Vec::new")]
    pub(crate) member: Vec<T>,
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self { member: Vec::new() }
    }
}

/// A map: `<Map><entry><key>…</key><value>…</value></entry></Map>`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Entries {
    #[serde(default)]
    pub(crate) entry: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeStacks {
    #[serde(default)]
    pub(crate) stacks: Members<StackReply>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StackReply {
    pub(crate) stack_id: String,
    pub(crate) stack_name: String,
    pub(crate) stack_status: String,
    #[serde(default)]
    pub(crate) parameters: Members<Parameter>,
    #[serde(default)]
    pub(crate) outputs: Members<Output>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Parameter {
    #[serde(rename = "ParameterKey")]
    pub(crate) key: String,
    #[serde(rename = "ParameterValue", default)]
    pub(crate) value: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Output {
    #[serde(rename = "OutputKey")]
    pub(crate) key: String,
    #[serde(rename = "OutputValue", default)]
    pub(crate) value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListStackResources {
    #[serde(default)]
    pub(crate) stack_resource_summaries: Members<ResourceReply>,
    pub(crate) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ResourceReply {
    pub(crate) logical_resource_id: String,
    #[serde(default)]
    pub(crate) physical_resource_id: String,
    pub(crate) resource_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attributes {
    #[serde(default)]
    pub(crate) attributes: Entries,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListSubscriptionsByTopic {
    #[serde(default)]
    pub(crate) subscriptions: Members<SubscriptionReply>,
    pub(crate) next_token: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SubscriptionReply {
    /// ARN, or `PendingConfirmation`.
    pub(crate) subscription_arn: String,
    #[serde(default)]
    pub(crate) endpoint: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetRole {
    pub(crate) role: RoleReply,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RoleReply {
    pub(crate) arn: String,
    /// JSON with percent-encoding.
    #[serde(default)]
    pub(crate) assume_role_policy_document: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SimulatePrincipalPolicy {
    #[serde(default)]
    pub(crate) evaluation_results: Members<EvaluationReply>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EvaluationReply {
    pub(crate) eval_action_name: String,
    /// `allowed`, `implicitDeny` or `explicitDeny`.
    pub(crate) eval_decision: String,
}
