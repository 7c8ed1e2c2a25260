//! The pages of `ListObjectsV2` and `ListObjectVersions`.

use std::ops::Bound;

use s3s::dto::{
    CommonPrefix, ETag, ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsV2Input, ListObjectsV2Output,
    Object, ObjectVersion, OptionalObjectAttributes, RestoreStatus, Timestamp,
};
use s3s::{S3Result, s3_error};

use crate::s3::object::Object as StoredObject;
use crate::s3::store::Store;

/// Maximum and default number of entries per page.
const MAX_KEYS: i32 = 1000;

/// Lists the keys after the continuation token. Keys that contain the delimiter after the prefix are grouped into
/// common prefixes.
pub(crate) fn list(store: &Store, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let most = input.max_keys.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS) as usize;
    let after = match &input.continuation_token {
        Some(token) => Bound::Excluded(decode(token)?),
        None => input.start_after.clone().map_or(Bound::Unbounded, Bound::Excluded),
    };

    let (mut contents, mut folders) = (Vec::new(), Vec::<String>::new());
    let mut last: Option<String> = None;
    let mut truncated = false;
    for key in store.list()? {
        if !key.starts_with(&prefix) {
            continue;
        }
        let folder = delimiter.as_ref().and_then(|delimiter| {
            let end = key[prefix.len()..].find(delimiter.as_str())? + prefix.len() + delimiter.len();
            Some(key[..end].to_owned())
        });
        let entry = folder.clone().unwrap_or_else(|| key.clone());
        let passed = matches!(&after, Bound::Excluded(after) if entry <= *after);
        if passed || (folder.is_some() && last.as_ref() == Some(&entry)) {
            continue;
        }
        if contents.len() + folders.len() == most {
            truncated = most > 0;
            break;
        }
        last = Some(entry);
        match folder {
            Some(folder) => folders.push(folder),
            None => contents.extend(describe(store, key)?),
        }
    }

    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        key_count: Some((contents.len() + folders.len()) as i32),
        max_keys: Some(most as i32),
        is_truncated: Some(truncated),
        next_continuation_token: last.filter(|_| truncated).map(|last| base64_simd::STANDARD.encode_to_string(last)),
        contents: Some(contents),
        common_prefixes: Some(folders.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect()),
        prefix: input.prefix,
        delimiter: input.delimiter,
        continuation_token: input.continuation_token,
        start_after: input.start_after,
        ..ListObjectsV2Output::default()
    })
}

/// Returns the entry of a key; `None` if the object was deleted in the meantime.
fn describe(store: &Store, key: String) -> S3Result<Option<Object>> {
    let found = store.read(&key)?;
    Ok(found.map(|object| Object {
        e_tag: Some(ETag::Strong(object.etag())),
        size: Some(object.body.len() as i64),
        last_modified: Some(Timestamp::from(object.modified)),
        key: Some(key),
        ..Object::default()
    }))
}

/// Lists the versions of the keys after the key marker. A page ends with the last version of a key, so it may have more
/// entries than S3 would return.
pub(crate) fn list_versions(store: &Store, input: ListObjectVersionsInput) -> S3Result<ListObjectVersionsOutput> {
    let prefix = input.prefix.clone().unwrap_or_default();
    let most = input.max_keys.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS) as usize;
    let after = input.key_marker.clone().unwrap_or_default();
    let keys = store.list()?;
    let mut keys = keys.into_iter().filter(|key| key.starts_with(&prefix) && *key > after).peekable();
    let asked = input.optional_object_attributes.unwrap_or_default();
    let shows_restores = asked.iter().any(|attribute| attribute.as_str() == OptionalObjectAttributes::RESTORE_STATUS);
    let (mut versions, mut last) = (Vec::new(), None);
    while versions.len() < most
        && let Some(key) = keys.next()
    {
        if let Some(latest) = store.read(&key)? {
            versions.push(describe_version(&key, &latest, true, shows_restores));
            let older = latest.older.iter();
            versions.extend(older.map(|older| describe_version(&key, older, false, shows_restores)));
        }
        last = Some(key);
    }
    let truncated = keys.peek().is_some();
    Ok(ListObjectVersionsOutput {
        name: Some(input.bucket),
        is_truncated: Some(truncated),
        max_keys: Some(most as i32),
        next_key_marker: last.filter(|_| truncated),
        key_marker: input.key_marker,
        prefix: input.prefix,
        versions: Some(versions),
        ..ListObjectVersionsOutput::default()
    })
}

fn describe_version(key: &str, object: &StoredObject, is_latest: bool, shows_restores: bool) -> ObjectVersion {
    let restored = RestoreStatus { is_restore_in_progress: Some(false), ..RestoreStatus::default() };
    ObjectVersion {
        restore_status: (shows_restores && object.restored).then_some(restored),
        e_tag: Some(ETag::Strong(object.etag())),
        size: Some(object.body.len() as i64),
        last_modified: Some(Timestamp::from(object.modified)),
        key: Some(key.to_owned()),
        is_latest: Some(is_latest),
        storage_class: Some(object.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned()).into()),
        version_id: Some(object.version.clone().unwrap_or_else(|| "null".to_owned())),
        ..ObjectVersion::default()
    }
}

fn decode(token: &str) -> S3Result<String> {
    let decoded = base64_simd::STANDARD.decode_to_vec(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}
