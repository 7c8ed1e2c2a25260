//! Reads the function from Lambda.

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{DestinationConfig, EventSourceMappingConfiguration, FunctionResponseType};
use serde_json::Value;

use super::found;
use crate::doctor::facts::{Failures, Function, LATEST, Mapping, Reading};

pub(super) async fn read(aws: &SdkConfig, name: &str) -> Reading<Function> {
    let client = Client::new(aws);
    let resource = format!("function {name}");
    let (configuration, concurrency, failures, loops, policy, mappings) = tokio::join!(
        client.get_function_configuration().function_name(name).send(),
        client.get_function_concurrency().function_name(name).send(),
        client.get_function_event_invoke_config().function_name(name).qualifier(LATEST).send(),
        client.get_function_recursion_config().function_name(name).send(),
        client.get_policy().function_name(name).send(),
        client.list_event_source_mappings().function_name(name).send(),
    );
    let Some(configuration) = found("lambda:GetFunctionConfiguration", &resource, configuration)? else {
        return Ok(None);
    };
    let concurrency = found("lambda:GetFunctionConcurrency", &resource, concurrency)?;
    let failures = found("lambda:GetFunctionEventInvokeConfig", &resource, failures)?;
    let loops = found("lambda:GetFunctionRecursionConfig", &resource, loops)?;
    let policy = found("lambda:GetPolicy", &resource, policy)?;
    let mappings = found("lambda:ListEventSourceMappings", &resource, mappings)?;
    let environment = configuration.environment.and_then(|environment| environment.variables);
    let policy = policy.and_then(|reply| serde_json::from_str(&reply.policy?).ok());
    let mappings = mappings.and_then(|reply| reply.event_source_mappings).unwrap_or_default();
    Ok(Some(Function {
        state: configuration.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        timeout: configuration.timeout.unwrap_or_default(),
        memory: configuration.memory_size.unwrap_or_default(),
        role: configuration.role.unwrap_or_default(),
        environment: environment.unwrap_or_default().into_iter().collect(),
        reserved_concurrency: concurrency.and_then(|reply| reply.reserved_concurrent_executions),
        recursive_loop: loops
            .and_then(|reply| reply.recursive_loop)
            .map(|value| value.as_str().to_owned())
            .unwrap_or_default(),
        failures: failures.map(|reply| Failures {
            retries: reply.maximum_retry_attempts,
            maximum_age: reply.maximum_event_age_in_seconds,
            destination: reply.destination_config.and_then(|config: DestinationConfig| config.on_failure?.destination),
        }),
        policy: policy.unwrap_or(Value::Null),
        mappings: mappings.into_iter().map(mapping).collect(),
    }))
}

fn mapping(reply: EventSourceMappingConfiguration) -> Mapping {
    let responses = reply.function_response_types.unwrap_or_default();
    Mapping {
        uuid: reply.uuid.unwrap_or_default(),
        queue: reply.event_source_arn.unwrap_or_default(),
        state: reply.state.unwrap_or_default(),
        reports_batch_item_failures: responses.contains(&FunctionResponseType::ReportBatchItemFailures),
    }
}
