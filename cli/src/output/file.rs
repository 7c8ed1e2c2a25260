//! Output to a file, which gets its name when it is complete.

use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

/// Creates a temporary file in the directory of a path, with the permissions of an ordinary new file. To be renamed to the
/// path, it has to be on the same file system.
pub(crate) fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    file.prefix(".label-lake-").tempfile_in(directory_of(path))
}

/// Returns the directory of a file.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
