//! The objects of a bucket, in memory or as files of a directory.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use s3s::crypto::{Checksum, Md5};

use crate::directory::Directory;

/// The objects of one bucket.
pub struct Store {
    place: Place,
    /// Held for a write with its condition.
    writing: Mutex<()>,
}

enum Place {
    Memory(Mutex<BTreeMap<String, Object>>),
    Directory(Directory),
}

/// What tests arrange and look at. With a directory that cannot be read or written they panic.
impl Store {
    /// Stores an object, over one that is there.
    pub fn put(&self, key: &str, body: impl Into<Bytes>) {
        done("put", key, self.write(key, Object::new(body.into()), &Condition::None));
    }

    /// Gives an object's bytes.
    pub fn get(&self, key: &str) -> Option<Bytes> {
        done("get", key, self.read(key)).map(|object| object.body)
    }

    /// Deletes an object; says whether there was one.
    pub fn delete(&self, key: &str) -> bool {
        done("delete", key, self.remove(key))
    }

    /// Says whether there is an object.
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Gives all keys, ascending by bytes.
    pub fn keys(&self) -> Vec<String> {
        done("list", "", self.list())
    }

    /// Gives all objects.
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        self.keys().into_iter().filter_map(|key| self.get(&key).map(|body| (key, body))).collect()
    }
}

#[expect(clippy::panic, reason = "a test that cannot arrange its objects has nothing to show")]
fn done<T>(what: &str, key: &str, result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| panic!("{what} {key}: {error}"))
}

impl Store {
    pub(crate) fn in_memory() -> Self {
        Self { place: Place::Memory(Mutex::default()), writing: Mutex::default() }
    }

    /// Makes the directory if need be.
    pub(crate) fn in_directory(root: PathBuf) -> io::Result<Self> {
        Ok(Self { place: Place::Directory(Directory::new(root)?), writing: Mutex::default() })
    }

    pub(crate) fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        match &self.place {
            Place::Memory(objects) => Ok(lock(objects).get(key).cloned()),
            Place::Directory(directory) => directory.read(key),
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
                let there = self.read(key)?.ok_or(StoreError::Missing)?;
                if there.etag() != *etag {
                    return Err(StoreError::Precondition);
                }
            }
        }
        match &self.place {
            Place::Memory(objects) => {
                lock(objects).insert(key.to_owned(), object);
                Ok(())
            }
            Place::Directory(directory) => directory.write(key, &object.body, matches!(condition, Condition::Absent)),
        }
    }

    pub(crate) fn remove(&self, key: &str) -> Result<bool, StoreError> {
        let _writing = lock(&self.writing);
        match &self.place {
            Place::Memory(objects) => Ok(lock(objects).remove(key).is_some()),
            Place::Directory(directory) => directory.remove(key),
        }
    }

    pub(crate) fn list(&self) -> Result<Vec<String>, StoreError> {
        match &self.place {
            Place::Memory(objects) => Ok(lock(objects).keys().cloned().collect()),
            Place::Directory(directory) => directory.list(),
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
