//! Objects as files: the key is the path below the directory, and the file's content is the object's body. Nothing else
//! is stored.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::s3::object::{Object, StoreError};

/// Subdirectory in which files are written before they are moved to their path. It cannot be part of a key, and it is
/// removed together with its last file.
const TEMPORARY: &str = ".label-lake-tmp";

/// Maximum length of a path component on Linux and macOS, in bytes. S3 has no such limit.
const MAX_COMPONENT: usize = 255;

pub(crate) struct Directory {
    root: PathBuf,
    /// Number of files written, which makes the names of temporary files unique.
    written: AtomicU64,
}

impl Directory {
    pub(crate) fn new(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self { root, written: AtomicU64::new(0) })
    }

    pub(crate) fn read(&self, key: &str) -> Result<Option<Object>, StoreError> {
        // A key that cannot be a file cannot have been stored.
        let Ok(path) = self.path(key) else { return Ok(None) };
        let read = || {
            let metadata = fs::metadata(&path)?;
            // A directory is a prefix of other keys, not an object.
            let file = metadata.is_file().then(|| fs::read(&path)).transpose()?;
            let modified = metadata.modified()?;
            Ok(file.map(|body| Object { modified, ..Object::new(body.into()) }))
        };
        match read() {
            Err(error) if is_missing(&error) => Ok(None),
            read => read.map_err(|error| refused(key, error)),
        }
    }

    /// Writes a file atomically. With `must_be_new`, the file system decides whether the file is new, so that two
    /// processes that share the directory agree.
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
        // The temporary file must not remain; after a rename it is already gone. The directory remains if another
        // process still uses it.
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
        // S3 has no directories, so empty ones are removed, up to the first one that is not empty.
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

    /// Returns the path of a key. Refuses keys that would lead out of the directory, that share a path with another
    /// key, or that the file system cannot store.
    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        for component in key.split('/') {
            if matches!(component, "" | "." | "..") || component == TEMPORARY {
                return Err(StoreError::Refused(format!("key {key:?} cannot be a file: component {component:?}")));
            }
            if component.len() > MAX_COMPONENT {
                let length = component.len();
                let reason = format!("a component has {length} bytes, the file system allows {MAX_COMPONENT}");
                return Err(StoreError::Refused(format!("key {key:?} cannot be a file: {reason}")));
            }
        }
        Ok(self.root.join(key))
    }
}

/// Returns true if the error means that the object does not exist: there is no such file, a parent is a file, or the
/// path is too long.
fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

/// Converts an error of the file system. A file that a call has created or found disappears only if another process
/// removes it.
fn refused(key: &str, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound => StoreError::Changed(error),
        _ => StoreError::Refused(format!("key {key:?} is refused by the file system: {error}")),
    }
}
