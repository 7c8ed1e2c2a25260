//! Objects as files: the key is the path below the directory, and the file's content is the object's body. Nothing else
//! is stored.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::{NamedTempFile, PathPersistError, TempPath};

use crate::s3::object::{Object, Refusal, StoreError};

/// Subdirectory in which files are written before they are moved to their path. It cannot be part of a key, and it is
/// removed together with its last file.
const TEMPORARY: &str = ".label-lake-tmp";

/// Maximum length of a path component on Linux and macOS, in bytes. S3 has no such limit.
const MAX_COMPONENT: usize = 255;

pub(crate) struct Directory {
    root: PathBuf,
}

impl Directory {
    pub(crate) fn new(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self { root })
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
    ///
    /// A file system may ignore case. A key that differs from an existing one only in case is then refused, because its
    /// file would replace the other one.
    pub(crate) fn write(&self, key: &str, body: &Bytes, must_be_new: bool) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let temporary = self.root.join(TEMPORARY);
        let written = self.write_file(key, &path, &temporary, body, must_be_new);
        // The directory remains if another process still uses it.
        let _ = fs::remove_dir(&temporary);
        written
    }

    fn write_file(
        &self,
        key: &str,
        path: &Path,
        temporary: &Path,
        body: &Bytes,
        must_be_new: bool,
    ) -> Result<(), StoreError> {
        let prepare = || {
            fs::create_dir_all(temporary)?;
            let mut file = new_file(temporary)?;
            file.write_all(body)?;
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            Ok((file.into_temp_path(), self.name_in_other_case(key)?))
        };
        let (file, other) = prepare().map_err(|error| refused(key, error))?;
        if let Some(other) = other {
            let reason = format!("the file system ignores case, and {other:?} exists; use a directory on another one");
            return Err(not_a_file(key, &reason));
        }
        let named = if must_be_new { persist_new(file, path) } else { file.persist(path).map_err(io::Error::from) };
        named.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if path.is_file() => StoreError::Precondition,
            _ => refused(key, error),
        })
    }

    /// Returns the name of an existing file or directory that differs from a component of the key only in case, if the
    /// file system takes the two for the same. Cheap if it does not ignore case.
    fn name_in_other_case(&self, key: &str) -> io::Result<Option<String>> {
        let in_other_case: String = key.chars().map(in_other_case).collect();
        if !self.root.join(key).exists() || !self.root.join(in_other_case).exists() {
            return Ok(None);
        }
        let mut directory = self.root.clone();
        for component in key.split('/') {
            let mut names = Vec::new();
            for entry in fs::read_dir(&directory)? {
                names.extend(entry?.file_name().into_string());
            }
            if let Some(other) = only_in_other_case(&names, component) {
                return Ok(Some(other.to_owned()));
            }
            directory.push(component);
        }
        Ok(None)
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
                return Err(not_a_file(key, &format!("component {component:?}")));
            }
            if component.len() > MAX_COMPONENT {
                let length = component.len();
                let reason = format!("a component has {length} bytes, the file system allows {MAX_COMPONENT}");
                return Err(not_a_file(key, &reason));
            }
        }
        Ok(self.root.join(key))
    }
}

/// Creates a temporary file, readable for everyone that the umask of the process allows.
fn new_file(directory: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}

/// Moves a temporary file to a path at which there is no file.
fn persist_new(file: TempPath, path: &Path) -> io::Result<()> {
    let PathPersistError { error, path: file } = match file.persist_noclobber(path) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Err(error);
    }
    // The file system has neither hard links nor an exclusive rename. An empty file reserves the path.
    File::create_new(path)?;
    file.persist(path).map_err(io::Error::from)
}

fn in_other_case(character: char) -> char {
    if character.is_ascii_lowercase() { character.to_ascii_uppercase() } else { character.to_ascii_lowercase() }
}

/// Returns the name that differs from this one only in case, unless the exact name is there too.
fn only_in_other_case<'a>(names: &'a [String], name: &str) -> Option<&'a str> {
    if names.iter().any(|found| found == name) {
        return None;
    }
    let lowercase = name.to_lowercase();
    names.iter().find(|found| found.to_lowercase() == lowercase).map(String::as_str)
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
        _ => StoreError::Refused(Refusal {
            key: key.to_owned(),
            reason: format!("is refused by the file system: {error}"),
            by_file_system: true,
        }),
    }
}

fn not_a_file(key: &str, reason: &str) -> StoreError {
    let reason = format!("cannot be a file: {reason}");
    StoreError::Refused(Refusal { key: key.to_owned(), reason, by_file_system: false })
}

#[cfg(test)]
mod tests {
    use super::only_in_other_case;

    #[test]
    fn a_name_in_another_case_counts_only_without_the_exact_name() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(only_in_other_case(&names(&["label=Dog", "label=T-Shirt"]), "label=T-shirt"), Some("label=T-Shirt"));
        assert_eq!(only_in_other_case(&names(&["label=T-shirt", "label=T-Shirt"]), "label=T-shirt"), None);
        assert_eq!(only_in_other_case(&names(&["label=CA\u{d1}O"]), "label=ca\u{f1}o"), Some("label=CA\u{d1}O"));
        assert_eq!(only_in_other_case(&names(&["label=Dog"]), "label=Cat"), None);
    }
}
