//! The program `bootstrap` that Lambda starts: reads the settings, creates the clients, handles events.

// The types of the clients' futures are nested deeper than the default of 128.
#![recursion_limit = "256"]

use aws_config::SdkConfig;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use label_lake::aws::clients;
use label_lake::config::{self, Program, Settings, StarterSettings};
use label_lake::error::Error;
use label_lake::export::Exporter;
use label_lake::glue::catalog::Catalog;
use label_lake::handler::{Event, handle};
use label_lake::starter::{self, Starter};
use label_lake::{glue, telemetry};
use lambda_runtime::{LambdaEvent, run, service_fn};

// One thread for all I/O: a function with less than 1,769 MB has less than one CPU.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(config::log_filter().inspect_err(report)?);
    // Lambda sets the credentials in the environment. The SDK's default chain would create clients that are never used.
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let aws = clients::sdk_config(config::ca_bundle().as_ref())
        .inspect_err(report)?
        .credentials_provider(credentials)
        .load()
        .await;
    match config::program() {
        Program::Exporter => {
            let settings = Settings::from_env().inspect_err(report)?;
            let exporter = exporter(&settings, aws);
            run(service_fn(|event: LambdaEvent<Event>| handle(&exporter, event))).await
        }
        Program::Starter => {
            let settings = StarterSettings::from_env().inspect_err(report)?;
            let starter = Starter::new(settings, &aws);
            run(service_fn(|event: LambdaEvent<Event>| starter::handle(&starter, event))).await
        }
    }
}

fn exporter(settings: &Settings, aws: SdkConfig) -> Exporter {
    let rekognition = aws_sdk_rekognition::Client::new(&aws);
    let s3 = clients::s3(&aws, settings.s3_by_path);
    let catalog = settings.glue_database.as_ref().map(|name| Catalog::new(glue::client::client(&aws), name));
    let lambda = clients::lazily(move || aws_sdk_lambda::Client::new(&aws));
    Exporter::new(settings, rekognition, s3, lambda, catalog)
}

/// Prints to standard error why the function does not start. Lambda adds the line to the log.
fn report(error: &Error) {
    eprintln!("{}: {error}", error.error_type());
}
