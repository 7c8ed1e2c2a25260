//! The AWS services that an export needs, simulated in this process.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use aws_config::{Region, SdkConfig};
use aws_sdk_rekognition::config::Credentials;
use label_lake::aws::clients;
use label_lake::aws::names::BucketName;
use label_lake::config::Settings;
use label_lake::error::Error;
use label_lake::export::Exporter;
use rekognition_simulator::{ACCESS_KEY_ID, Job, REGION, SECRET_ACCESS_KEY, Simulator};

use crate::error::with_hint;
use crate::output::summary::Failure;

/// Name of the simulated bucket.
pub(crate) const BUCKET: BucketName = BucketName::from_static("lake");

/// A running simulator. Its services stop when it is dropped.
pub(crate) struct SimulatedAws {
    pub(crate) simulator: Simulator,
    /// Directory of the simulated bucket.
    directory: PathBuf,
    sdk: SdkConfig,
}

impl SimulatedAws {
    /// Starts S3 with a directory as its bucket, and Rekognition with these jobs.
    pub(crate) async fn start(directory: &Path, jobs: Vec<(String, Job)>) -> anyhow::Result<Self> {
        let mut builder = Simulator::builder().bucket(BUCKET.as_str()).directory(directory);
        for (id, job) in jobs {
            builder = builder.job(&id, job);
        }
        let simulator = builder.start().await.map_err(|error| {
            let error = anyhow!(error).context(format!("cannot create output directory {}", directory.display()));
            with_hint(error, "choose another directory with --out")
        })?;

        // Every option is set, so that nothing comes from the environment or the AWS profile of the user.
        let sdk = clients::sdk_config(None)?
            .region(Region::from_static(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "simulator"))
            .endpoint_url(simulator.s3_url())
            .use_fips(false)
            .use_dual_stack(false)
            .load()
            .await;
        Ok(Self { simulator, directory: directory.to_owned(), sdk })
    }

    /// Returns an exporter that reads from the simulated Rekognition and writes to the directory.
    pub(crate) fn exporter(&self, settings: &Settings) -> Exporter {
        let lambda = aws_sdk_lambda::config::Builder::from(&self.sdk).endpoint_url(self.simulator.lambda_url()).build();
        let lambda = clients::lazily(|| aws_sdk_lambda::Client::from_conf(lambda));
        Exporter::new(settings, self.rekognition(), self.s3(), lambda, None)
    }

    /// Describes a failed export. A file that the directory has refused is an error of the directory, not of S3.
    pub(crate) fn failure(&self, error: &Error) -> Failure {
        let mut failure = Failure::from(error);
        if let Error::Storage { job, resource, .. } | Error::Checkpoint { job, resource, .. } = error {
            let refusals = self.simulator.store().refusals();
            if let Some(refusal) = refusals.into_iter().find(|refusal| resource.ends_with(&refusal.key)) {
                let directory = self.directory.display();
                failure.message = format!("job {job}: cannot write to the directory {directory}: {refusal}");
                failure.hint = refusal.by_file_system.then(|| {
                    "fix the cause or choose another directory with --out, then run the command again".to_owned()
                });
            }
        }
        failure
    }

    /// Returns a client of the simulated Rekognition.
    pub(crate) fn rekognition(&self) -> aws_sdk_rekognition::Client {
        let config = aws_sdk_rekognition::config::Builder::from(&self.sdk);
        aws_sdk_rekognition::Client::from_conf(config.endpoint_url(self.simulator.rekognition_url()).build())
    }

    /// Returns a client of the simulated S3.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        clients::s3(&self.sdk, true)
    }
}
