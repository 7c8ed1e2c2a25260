//! The files of a lake, and their number and total size.

/// A file of a lake.
#[derive(Debug)]
pub(crate) struct LakeFile {
    pub(crate) key: String,
    /// Size in bytes.
    pub(crate) bytes: u64,
}

/// Number and total size of files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FileTotals {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

impl FileTotals {
    pub(crate) fn add(&mut self, files: &[LakeFile]) {
        self.count += files.len() as u64;
        self.bytes += files.iter().map(|file| file.bytes).sum::<u64>();
    }
}
