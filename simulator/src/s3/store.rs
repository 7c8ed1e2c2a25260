//! The objects of a bucket, in memory or as files in a directory.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

use crate::s3::directory::Directory;
use crate::s3::object::{Condition, Object, Refusal, StoreError};

/// The objects of one bucket.
pub struct Store {
    storage: Storage,
    /// Objects that the directory has refused.
    refusals: Mutex<Vec<Refusal>>,
    /// Held while a condition is checked and the object is written.
    writing: Mutex<()>,
}

enum Storage {
    Memory(Mutex<BTreeMap<String, Object>>),
    Directory(Directory),
}

/// Methods for tests, to set up and inspect the bucket. They panic if the directory cannot be read or written.
impl Store {
    /// Stores an object, replacing an existing one.
    pub fn put(&self, key: &str, body: impl Into<Bytes>) {
        or_panic("put", key, self.write(key, Object::new(body.into()), &Condition::None));
    }

    /// Stores an object that was last modified at this time.
    pub fn put_modified(&self, key: &str, body: impl Into<Bytes>, modified: SystemTime) {
        let object = Object { modified, ..Object::new(body.into()) };
        or_panic("put", key, self.write(key, object, &Condition::None));
    }

    /// Stores an object in a storage class. An archived object may have a restored copy.
    pub fn put_archived(&self, key: &str, body: impl Into<Bytes>, storage_class: &str, restored: bool) {
        let object = Object { storage_class: Some(storage_class.to_owned()), restored, ..Object::new(body.into()) };
        or_panic("put", key, self.write(key, object, &Condition::None));
    }

    /// Stores an object as the latest version of its key. The versions before it stay in the listing of versions.
    pub fn put_version(&self, key: &str, body: impl Into<Bytes>, version: &str) {
        let mut object = Object::new(body.into());
        object.version = Some(version.to_owned());
        if let Some(mut replaced) = or_panic("get", key, self.read(key)) {
            object.older = std::mem::take(&mut replaced.older);
            object.older.insert(0, replaced);
        }
        or_panic("put", key, self.write(key, object, &Condition::None));
    }

    /// Returns the bytes of an object.
    pub fn get(&self, key: &str) -> Option<Bytes> {
        or_panic("get", key, self.read(key)).map(|object| object.body)
    }

    /// Deletes an object. Returns true if it existed.
    pub fn delete(&self, key: &str) -> bool {
        or_panic("delete", key, self.remove(key))
    }

    /// Returns true if the object exists.
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Returns all keys in ascending byte order.
    pub fn keys(&self) -> Vec<String> {
        or_panic("list", "", self.list())
    }

    /// Returns the objects that the directory has refused, with the reasons. The replies to the requests give the same
    /// reasons, as errors of S3.
    pub fn refusals(&self) -> Vec<Refusal> {
        lock(&self.refusals).clone()
    }

    /// Returns all objects by key.
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        self.keys().into_iter().filter_map(|key| self.get(&key).map(|body| (key, body))).collect()
    }
}

#[expect(clippy::panic, reason = "a test that cannot set up its objects cannot continue")]
fn or_panic<T>(operation: &str, key: &str, result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| panic!("{operation} {key}: {error}"))
}

impl Store {
    pub(crate) fn in_memory() -> Self {
        Self::new(Storage::Memory(Mutex::default()))
    }

    /// Creates the directory if it is missing.
    pub(crate) fn in_directory(root: PathBuf) -> io::Result<Self> {
        Ok(Self::new(Storage::Directory(Directory::new(root)?)))
    }

    fn new(storage: Storage) -> Self {
        Self { storage, refusals: Mutex::default(), writing: Mutex::default() }
    }

    /// Keeps a refusal.
    fn note<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Refused(refusal)) = &result {
            lock(&self.refusals).push(refusal.clone());
        }
        result
    }

    pub(crate) fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        match &self.storage {
            Storage::Memory(objects) => Ok(lock(objects).get(key).cloned()),
            Storage::Directory(directory) => self.note(directory.read(key)),
        }
    }

    pub(crate) fn write(&self, key: &str, object: Object, condition: &Condition) -> Result<(), StoreError> {
        let _writing = lock(&self.writing);
        match condition {
            Condition::None => {}
            Condition::Absent => {
                if self.read(key)?.is_some() {
                    return Err(StoreError::Precondition);
                }
            }
            Condition::Matches(etag) => {
                let current = self.read(key)?.ok_or(StoreError::Missing)?;
                if current.etag() != *etag {
                    return Err(StoreError::Precondition);
                }
            }
        }
        match &self.storage {
            Storage::Memory(objects) => {
                lock(objects).insert(key.to_owned(), object);
                Ok(())
            }
            Storage::Directory(directory) => {
                self.note(directory.write(key, &object.body, matches!(condition, Condition::Absent)))
            }
        }
    }

    pub(crate) fn remove(&self, key: &str) -> Result<bool, StoreError> {
        let _writing = lock(&self.writing);
        match &self.storage {
            Storage::Memory(objects) => Ok(lock(objects).remove(key).is_some()),
            Storage::Directory(directory) => self.note(directory.remove(key)),
        }
    }

    pub(crate) fn list(&self) -> Result<Vec<String>, StoreError> {
        match &self.storage {
            Storage::Memory(objects) => Ok(lock(objects).keys().cloned().collect()),
            Storage::Directory(directory) => self.note(directory.list()),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Store").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
