//! The AWS services that an export needs, simulated in this process.

use std::path::Path;

use anyhow::Context as _;
use aws_config::Region;
use aws_sdk_rekognition::config::Credentials;
use label_lake::aws::clients;
use label_lake::config::Settings;
use label_lake::export::Exporter;
use rekognition_simulator::{ACCESS_KEY_ID, Job, REGION, SECRET_ACCESS_KEY, Simulator};

/// A running simulator, and an exporter that talks to it.
pub(crate) struct SimulatedAws {
    /// The services stop when the simulator is dropped.
    pub(crate) simulator: Simulator,
    pub(crate) exporter: Exporter,
}

impl SimulatedAws {
    /// Starts Rekognition with these jobs, and S3 with the lake directory as its bucket.
    pub(crate) async fn start(lake: &Path, settings: &Settings, jobs: Vec<(String, Job)>) -> anyhow::Result<Self> {
        let mut builder = Simulator::builder().bucket(settings.bucket.as_str()).directory(lake);
        for (id, job) in jobs {
            builder = builder.job(&id, job);
        }
        let cannot_create = || format!("cannot create output directory {}; choose another with --out", lake.display());
        let simulator = builder.start().await.with_context(cannot_create)?;

        // Every option is set, so that nothing comes from the environment or the AWS profile of the user.
        let aws = clients::sdk_config(None)?
            .region(Region::from_static(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "simulator"))
            .endpoint_url(simulator.s3_url())
            .use_fips(false)
            .use_dual_stack(false)
            .load()
            .await;
        let rekognition =
            aws_sdk_rekognition::config::Builder::from(&aws).endpoint_url(simulator.rekognition_url()).build();
        let rekognition = aws_sdk_rekognition::Client::from_conf(rekognition);
        let lambda = aws_sdk_lambda::config::Builder::from(&aws).endpoint_url(simulator.lambda_url()).build();
        let lambda = aws_sdk_lambda::Client::from_conf(lambda);
        let exporter = Exporter::new(settings, rekognition, clients::s3(&aws, true), clients::lazily(|| lambda), None);
        Ok(Self { simulator, exporter })
    }
}
