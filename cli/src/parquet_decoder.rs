//! Decoding of Parquet files that may be corrupt.

use std::panic::{self, AssertUnwindSafe};

use anyhow::anyhow;

/// Decodes a Parquet file. The library panics on some corrupt files; such a panic becomes an error, and its message is not
/// printed.
pub(crate) fn decode<T>(decode: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let decoded = panic::catch_unwind(AssertUnwindSafe(decode));
    panic::set_hook(hook);
    decoded.unwrap_or_else(|_| Err(anyhow!("the Parquet file is corrupt")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let pages: Vec<u8> = Vec::new();
        let error = decode(|| Ok(pages[..4].len())).unwrap_err();
        assert_eq!(error.to_string(), "the Parquet file is corrupt");
        assert_eq!(decode(|| Ok(4)).unwrap(), 4);
    }
}
