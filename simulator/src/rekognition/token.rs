//! Pagination tokens. A token is opaque to the client and contains the whole state of a fetch, so that the service
//! keeps none.
//!
//! A token contains the number of the fetch. All pages of a fetch therefore have the same order of ties, and the same
//! token returns the same page. A token is bound to the job, the order and the aggregation; a forged token is detected.

use s3s::crypto::{Checksum, Sha256};

use crate::rekognition::request::Scope;

/// A position in a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Number of the fetch. A fetch is a sequence of pages whose first page was requested without a token.
    pub(crate) fetch: u64,
    /// Number of elements before the page.
    pub(crate) from: u64,
    /// Number of the page, from 1.
    pub(crate) page: u32,
}

const POSITION_BYTES: usize = 20;
const DIGEST_BYTES: usize = 32;

/// Returns the token of a position.
pub(crate) fn write(scope: Scope<'_>, position: Position) -> String {
    let mut bytes = Vec::with_capacity(POSITION_BYTES + DIGEST_BYTES);
    bytes.extend_from_slice(&position.fetch.to_be_bytes());
    bytes.extend_from_slice(&position.from.to_be_bytes());
    bytes.extend_from_slice(&position.page.to_be_bytes());
    let digest = digest(scope, &bytes);
    mask(&mut bytes, &digest);
    bytes.extend_from_slice(&digest);
    base64_simd::STANDARD.encode_to_string(&bytes)
}

/// Decodes a token. Returns `None` if it was not created for this scope.
pub(crate) fn read(scope: Scope<'_>, token: &str) -> Option<Position> {
    let mut bytes = base64_simd::STANDARD.decode_to_vec(token).ok()?;
    if bytes.len() != POSITION_BYTES + DIGEST_BYTES {
        return None;
    }
    let found = bytes.split_off(POSITION_BYTES);
    mask(&mut bytes, &found);
    if digest(scope, &bytes).as_slice() != found {
        return None;
    }
    let fetch = u64::from_be_bytes(bytes[..8].try_into().ok()?);
    let from = u64::from_be_bytes(bytes[8..16].try_into().ok()?);
    let page = u32::from_be_bytes(bytes[16..].try_into().ok()?);
    Some(Position { fetch, from, page })
}

fn digest(scope: Scope<'_>, position: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut digest = Sha256::new();
    digest.update(position);
    for part in [scope.sort_by.as_str(), scope.aggregation.as_str(), scope.job] {
        digest.update(part.as_bytes());
        digest.update(b"\n");
    }
    digest.finalize()
}

/// Applies the digest as a mask, so that the token looks random.
fn mask(position: &mut [u8], digest: &[u8]) {
    position.iter_mut().zip(digest).for_each(|(byte, mask)| *byte ^= mask);
}

#[cfg(test)]
mod tests {
    use super::{Position, Scope, read, write};
    use crate::rekognition::labels::selection::Aggregation;
    use crate::rekognition::request::SortBy;

    const SCOPE: Scope<'_> = Scope { job: "job-1", sort_by: SortBy::Name, aggregation: Aggregation::Timestamps };
    const POSITION: Position = Position { fetch: 7, from: 2_000, page: 3 };

    #[test]
    fn token_fits_the_length_limit_and_is_decoded() {
        let token = write(SCOPE, POSITION);
        assert!((60..=255).contains(&token.len()));
        assert_eq!(read(SCOPE, &token), Some(POSITION));
    }

    #[test]
    fn token_is_valid_for_its_scope_only() {
        let token = write(SCOPE, POSITION);
        assert_eq!(read(Scope { job: "job-2", ..SCOPE }, &token), None);
        assert_eq!(read(Scope { sort_by: SortBy::Timestamp, ..SCOPE }, &token), None);
        assert_eq!(read(Scope { aggregation: Aggregation::Segments, ..SCOPE }, &token), None);
    }

    #[test]
    fn rejects_invalid_tokens() {
        for token in ["", "AAAA", "not base64!", &write(SCOPE, POSITION)[4..]] {
            assert_eq!(read(SCOPE, token), None, "{token}");
        }
    }
}
