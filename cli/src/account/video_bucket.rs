//! A bucket of videos, and the objects in it.

use anyhow::anyhow;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{ObjectVersion, ObjectVersionStorageClass, OptionalObjectAttributes};
use label_lake::aws::clients;
use label_lake::aws::diagnose::diagnose;
use label_lake::aws::names::BucketName;
use label_lake::config;
use label_lake::error::{Diagnosis, with_sources};
use label_lake::starter::message;

use super::Account;
use super::call_error::call_error;
use crate::error::with_hint;
use crate::videos::video::Video;

/// Storage classes of objects that have to be restored before they can be read. `GLACIER_IR` is not one of them.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// A bucket of videos.
pub(crate) struct VideoBucket {
    s3: Client,
    name: BucketName,
}

impl Account {
    /// Returns a bucket of videos.
    pub(crate) fn video_bucket(&self, name: &BucketName) -> VideoBucket {
        VideoBucket { s3: clients::s3(&self.retrying_config(), config::s3_by_path()), name: name.clone() }
    }
}

impl VideoBucket {
    /// Returns the objects of a path in the order of their keys: the object with this key, or else the objects in the folder
    /// of this name. Each in its latest version.
    pub(crate) async fn find(&self, path: &str) -> anyhow::Result<Vec<Video>> {
        if path.is_empty() || path.ends_with('/') {
            return self.list(path).await;
        }
        // An object sorts before all others whose keys begin with its key.
        let first = self.page(path, Some(1), None, None).await?;
        let exact = self.latest(first.versions.unwrap_or_default()).find(|video| video.key == path);
        match exact {
            Some(video) => Ok(vec![video]),
            None => self.list(&format!("{path}/")).await,
        }
    }

    async fn list(&self, prefix: &str) -> anyhow::Result<Vec<Video>> {
        let (mut videos, mut key_marker, mut version_marker) = (Vec::new(), None, None);
        loop {
            let page = self.page(prefix, None, key_marker, version_marker).await?;
            videos.extend(self.latest(page.versions.unwrap_or_default()));
            if page.is_truncated != Some(true) {
                return Ok(videos);
            }
            (key_marker, version_marker) = (page.next_key_marker, page.next_version_id_marker);
        }
    }

    /// Lists versions, because `ListObjectsV2` has no version IDs: the starter's token depends on them.
    async fn page(
        &self,
        prefix: &str,
        max_keys: Option<i32>,
        key_marker: Option<String>,
        version_marker: Option<String>,
    ) -> anyhow::Result<ListObjectVersionsOutput> {
        let request = self.s3.list_object_versions().bucket(self.name.as_str()).prefix(prefix).set_max_keys(max_keys);
        let request = request.optional_object_attributes(OptionalObjectAttributes::RestoreStatus);
        let request = request.set_key_marker(key_marker).set_version_id_marker(version_marker);
        request.send().await.map_err(|error| {
            let call = format!("s3:ListBucketVersions on s3://{}/{prefix}", self.name);
            let region = self.s3.config().region().map(AsRef::as_ref);
            let cause = with_sources(&error);
            if let Some(Diagnosis::WrongRegion { region }) = diagnose(&error, region) {
                return elsewhere(&call, region, &cause);
            }
            call_error(&call, region, &error, &cause, |code| match code {
                "AccessDenied" => Some("you lack the permission".to_owned()),
                "NoSuchBucket" => Some("check the name of the bucket".to_owned()),
                _ => None,
            })
        })
    }

    /// Returns the latest version of each object.
    fn latest(&self, versions: Vec<ObjectVersion>) -> impl Iterator<Item = Video> {
        let latest = versions.into_iter().filter(|version| version.is_latest == Some(true));
        latest.filter_map(|version| {
            let archived = is_archived(&version);
            Some(Video {
                bucket: self.name.clone(),
                key: version.key?,
                version: version.version_id.and_then(message::version),
                etag: version.e_tag.unwrap_or_default().trim_matches('"').to_owned(),
                size: version.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                archived,
                modified: version.last_modified.and_then(|time| time.try_into().ok()),
            })
        })
    }
}

/// Returns true if S3 does not return the bytes of an object: it is archived, and has no restored copy.
fn is_archived(version: &ObjectVersion) -> bool {
    let class = version.storage_class.as_ref().map(ObjectVersionStorageClass::as_str);
    let status = version.restore_status.as_ref();
    class.is_some_and(|class| ARCHIVES.contains(&class))
        && status.is_none_or(|status| status.is_restore_in_progress == Some(true))
}

/// Returns the error of a call for a bucket that is not in the region of the stack.
fn elsewhere(call: &str, region: Option<String>, cause: &str) -> anyhow::Error {
    let place = region.clone().unwrap_or_else(|| "the region of the bucket".to_owned());
    let error = anyhow!("{call} failed: {}: {cause}", Diagnosis::WrongRegion { region });
    with_hint(error, format!("a stack starts only videos of buckets in its own region: deploy a stack in {place}"))
}
