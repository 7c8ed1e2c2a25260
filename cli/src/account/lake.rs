//! A lake in an AWS account.

use anyhow::anyhow;
use aws_config::retry::RetryConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::types::Object;
use label_lake::aws::names::BucketName;
use label_lake::error::with_sources;
use label_lake::glue::catalog::Catalog;
use label_lake::job_id::JobId;
use label_lake::lake::{Lake, StoredObject};
use label_lake::table::aggregation::Aggregation;
use label_lake::table::layout::ObjectKey;
use label_lake::table::schema::JOBS;

use super::call_error::call_error;
use super::{call_deadline, for_operator};
use crate::error::with_hint;
use crate::lake::files::LakeFile;

/// A lake in an account, and the catalog of its partitions.
pub(crate) struct AccountLake {
    pub(crate) lake: Lake,
    pub(crate) catalog: Option<Catalog>,
    /// Client with the retries of the SDK, for requests that belong to no job.
    s3: Client,
    bucket: BucketName,
}

impl AccountLake {
    pub(super) fn new(lake: Lake, catalog: Option<Catalog>, s3: &Client, bucket: &BucketName) -> Self {
        let retrying = s3.config().to_builder().retry_config(RetryConfig::standard()).build();
        Self { lake, catalog, s3: Client::from_conf(retrying), bucket: bucket.clone() }
    }

    /// Returns the jobs that have a row in `jobs`, in the order of their IDs.
    pub(crate) async fn jobs(&self) -> anyhow::Result<Vec<JobId>> {
        let prefix = self.lake.layout().table_prefix(&JOBS);
        let files = self.list(&prefix).await?;
        let jobs: Vec<_> = files.iter().filter_map(|file| self.lake.layout().job_from_key(&file.key)).collect();
        if jobs.is_empty() {
            let error = anyhow!("no jobs found in {}", self.url(&prefix));
            return Err(with_hint(error, "check the bucket and the prefix"));
        }
        Ok(jobs)
    }

    /// Returns at most `count` jobs that were committed last, newest first.
    pub(crate) async fn last_jobs(&self, count: usize) -> anyhow::Result<Vec<JobId>> {
        let objects = self.list_objects(&self.lake.layout().table_prefix(&JOBS)).await?;
        let mut jobs: Vec<_> = objects
            .into_iter()
            .filter_map(|object| Some((object.last_modified?, self.lake.layout().job_from_key(&object.key?)?)))
            .collect();
        jobs.sort_by(|(a, _), (b, _)| b.cmp(a));
        jobs.truncate(count);
        Ok(jobs.into_iter().map(|(_, job)| job).collect())
    }

    /// Returns the objects whose keys begin with `prefix`, in the order of their keys.
    pub(crate) async fn list(&self, prefix: &str) -> anyhow::Result<Vec<LakeFile>> {
        let files = self.list_objects(prefix).await?.into_iter().filter_map(|object| {
            let bytes = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
            Some(LakeFile { key: object.key?, bytes })
        });
        Ok(files.collect())
    }

    async fn list_objects(&self, prefix: &str) -> anyhow::Result<Vec<Object>> {
        let request = self.s3.list_objects_v2().bucket(self.bucket.as_str()).prefix(prefix);
        let mut pages = request.into_paginator().send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.listing_error(prefix, &error))?;
            objects.extend(page.contents.unwrap_or_default());
        }
        Ok(objects)
    }

    /// Returns an object of a job, or `None` if it does not exist.
    pub(crate) async fn read(&self, job: &JobId, key: &ObjectKey) -> anyhow::Result<Option<StoredObject>> {
        self.lake.job(job, call_deadline()?.leave()).get_object(key).await.map_err(for_operator)
    }

    /// Returns the URL of a key.
    pub(crate) fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// Checks that the tables in the catalog are those of this lake, if a catalog was given. One of the two tables may be
    /// missing. `job` is named in errors of the catalog.
    pub(crate) async fn check_tables(&self, job: &JobId) -> anyhow::Result<()> {
        let Some(catalog) = &self.catalog else { return Ok(()) };
        let until = call_deadline()?.leave();
        let mut exists = false;
        for table in Aggregation::ALL.map(Aggregation::table) {
            let Some(found) = catalog.table(job, table, until).location().await.map_err(for_operator)? else {
                continue;
            };
            exists = true;
            let expected = self.lake.table_url(table);
            if normalized(&found) != normalized(&expected) {
                let (database, name) = (catalog.database(), table.name);
                let error = anyhow!("table {database}.{name} is in {found}, but the lake has it in {expected}");
                return Err(with_hint(error, "check the lake and --database"));
            }
        }
        if !exists {
            let names =
                Aggregation::ALL.map(|aggregation| format!("{}.{}", catalog.database(), aggregation.table().name));
            let error = anyhow!("the lake has no tables in Glue: neither {} exists", names.join(" nor "));
            return Err(with_hint(
                error,
                "check --database, or create the tables with the SQL of `label-lake ddl`; then run the command again",
            ));
        }
        Ok(())
    }

    fn listing_error(&self, prefix: &str, error: &SdkError<ListObjectsV2Error, HttpResponse>) -> anyhow::Error {
        let call = format!("s3:ListBucket on {}", self.url(prefix));
        let region = self.s3.config().region().map(AsRef::as_ref);
        call_error(&call, region, error, &with_sources(error), |code| match code {
            "AccessDenied" => Some("you lack the permission".to_owned()),
            "NoSuchBucket" => Some("check the name of the bucket".to_owned()),
            _ => None,
        })
    }
}

/// Returns the location of a table in one form: Hive and Spark also write `s3a` and `s3n`, and omit the slash at the end.
pub(crate) fn normalized(location: &str) -> String {
    let path = ["s3a://", "s3n://"].iter().find_map(|scheme| location.strip_prefix(scheme));
    let location = path.map_or_else(|| location.to_owned(), |path| format!("s3://{path}"));
    location.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use aws_config::Region;
    use aws_sdk_s3::config::Credentials;
    use label_lake::aws::clients;
    use label_lake::aws::names::KeyPrefix;
    use rekognition_simulator::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Simulator};

    use super::*;

    #[tokio::test]
    async fn lists_the_jobs_on_all_pages() {
        let simulator = Simulator::builder().start().await.unwrap();
        let aws = clients::sdk_config(None)
            .unwrap()
            .region(Region::from_static(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, ""))
            .endpoint_url(simulator.s3_url());
        let (s3, bucket) = (clients::s3(&aws.load().await, true), BucketName::from_static("lake"));
        let lake = AccountLake::new(Lake::new(s3.clone(), &bucket, &KeyPrefix::none(), None), None, &s3, &bucket);
        let error = lake.jobs().await.unwrap_err().to_string();
        assert!(error.contains("no jobs found in s3://lake/jobs/"), "{error}");

        // A page has at most 1,000 keys.
        let ids: Vec<_> = (0..1001).map(|number| format!("{number:04}")).collect();
        for id in &ids {
            simulator.store().put(&format!("jobs/job-{id}.parquet"), "a row");
        }
        let jobs = lake.jobs().await.unwrap();
        assert_eq!(jobs.iter().map(JobId::as_str).collect::<Vec<_>>(), ids);
    }

    #[test]
    fn a_location_may_have_another_scheme_of_s3_or_no_slash_at_the_end() {
        for location in ["s3://lake/jobs/", "s3://lake/jobs", "s3a://lake/jobs/", "s3n://lake/jobs"] {
            assert_eq!(normalized(location), "s3://lake/jobs");
        }
        assert_ne!(normalized("s3://lake/video/jobs/"), normalized("s3://lake/jobs/"));
    }
}
