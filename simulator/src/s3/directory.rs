//! Objects as files: the key is the path below the directory, the content is the object, and there is nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::store::{Object, StoreError};

/// Where files are written before they get their names; it is no key, and leaves with its last file.
const TEMPORARY: &str = ".label-lake-tmp";

/// The longest component of a path on Linux and macOS, in bytes. S3 has no such limit.
const MAX_COMPONENT: usize = 255;

pub(crate) struct Directory {
    root: PathBuf,
    written: AtomicU64,
}

impl Directory {
    pub(crate) fn new(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self { root, written: AtomicU64::new(0) })
    }

    pub(crate) fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        // What cannot be a file is not there.
        let Ok(path) = self.path(key) else { return Ok(None) };
        let read = || {
            let metadata = fs::metadata(&path)?;
            // A directory is the beginning of other keys.
            let file = metadata.is_file().then(|| fs::read(&path)).transpose()?;
            let modified = metadata.modified()?;
            Ok(file.map(|body| Object { modified, ..Object::new(body.into()) }))
        };
        match read() {
            Err(error) if is_missing(&error) => Ok(None),
            read => read.map_err(|error| refused(key, error)),
        }
    }

    /// Writes a whole file, or none. If it must be new, the file system decides, so that two processes with the same
    /// directory agree.
    pub(crate) fn write(&self, key: &str, body: &Bytes, must_be_new: bool) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let temporary = self.root.join(TEMPORARY);
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let file = temporary.join(format!("{}-{number}", process::id()));
        let prepare = || {
            fs::create_dir_all(&temporary)?;
            fs::write(&file, body)?;
            path.parent().map_or(Ok(()), fs::create_dir_all)
        };
        let written = prepare().map_err(|error| refused(key, error)).and_then(|()| {
            let named = if must_be_new { fs::hard_link(&file, &path) } else { fs::rename(&file, &path) };
            named.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists if path.is_file() => StoreError::Precondition,
                _ => refused(key, error),
            })
        });
        // After a rename it is gone already; after anything else it must not stay. Another process may still use the
        // directory, and then it stays.
        let _ = fs::remove_file(&file);
        let _ = fs::remove_dir(&temporary);
        written
    }

    pub(crate) fn remove(&self, key: &str) -> Result<bool, StoreError> {
        let Ok(path) = self.path(key) else { return Ok(false) };
        if !path.is_file() {
            return Ok(false);
        }
        fs::remove_file(&path).map_err(|error| refused(key, error))?;
        // S3 has no directories, so none is left behind; the first that is not empty ends it.
        let parents = path.ancestors().skip(1).take_while(|parent| *parent != self.root);
        for parent in parents {
            if fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(true)
    }

    pub(crate) fn list(&self) -> Result<Vec<String>, StoreError> {
        self.keys().map_err(|error| refused("", error))
    }

    fn keys(&self) -> io::Result<Vec<String>> {
        let mut keys = Vec::new();
        let mut directories = vec![self.root.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory)? {
                let entry = entry?;
                let path = entry.path();
                if entry.file_type()?.is_dir() {
                    if entry.file_name() != TEMPORARY {
                        directories.push(path);
                    }
                } else if let Some(key) = path.strip_prefix(&self.root).ok().and_then(Path::to_str) {
                    keys.push(key.to_owned());
                }
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// Refuses keys that would leave the directory, that two paths would share, or that the file system cannot hold.
    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        for component in key.split('/') {
            if matches!(component, "" | "." | "..") || component == TEMPORARY {
                return Err(StoreError::Refused(format!("key {key:?} cannot be a file: component {component:?}")));
            }
            if component.len() > MAX_COMPONENT {
                let length = component.len();
                return Err(StoreError::Refused(format!(
                    "key {key:?} cannot be a file: a component has {length} bytes, a file system allows {MAX_COMPONENT}"
                )));
            }
        }
        Ok(self.root.join(key))
    }
}

/// Not there, below something that is a file, or longer than any path.
fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

/// Nothing that a call has made or seen goes away, unless another process removes it.
fn refused(key: &str, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound => StoreError::Disturbed(error),
        _ => StoreError::Refused(format!("key {key:?} is refused by the file system: {error}")),
    }
}
