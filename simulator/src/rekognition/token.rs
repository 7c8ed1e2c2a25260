//! Page tokens: opaque to the client, and all that the service has to know of a fetch.
//!
//! A token carries the fetch's number, so that the ties of all its pages are shuffled alike and the same token
//! gives the same page. It is bound to the job, the order and the aggregation, and a forged one is noticed.

use s3s::crypto::{Checksum, Sha256};

use crate::job::{Aggregation, SortBy};

/// A place in a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the fetch, a chain of pages begun without a token.
    pub(crate) fetch: u64,
    /// Elements before it.
    pub(crate) from: u64,
    /// The page to come, from 1.
    pub(crate) page: u32,
}

const PLACE_BYTES: usize = 20;
const DIGEST_BYTES: usize = 32;

/// Makes the token of a place.
pub(crate) fn write(scope: Scope<'_>, place: Place) -> String {
    let mut bytes = Vec::with_capacity(PLACE_BYTES + DIGEST_BYTES);
    bytes.extend_from_slice(&place.fetch.to_be_bytes());
    bytes.extend_from_slice(&place.from.to_be_bytes());
    bytes.extend_from_slice(&place.page.to_be_bytes());
    let digest = digest(scope, &bytes);
    mask(&mut bytes, &digest);
    bytes.extend_from_slice(&digest);
    base64_simd::STANDARD.encode_to_string(&bytes)
}

/// Reads a token back; `None` if it was not made for this scope.
pub(crate) fn read(scope: Scope<'_>, token: &str) -> Option<Place> {
    let mut bytes = base64_simd::STANDARD.decode_to_vec(token).ok()?;
    if bytes.len() != PLACE_BYTES + DIGEST_BYTES {
        return None;
    }
    let found = bytes.split_off(PLACE_BYTES);
    mask(&mut bytes, &found);
    if digest(scope, &bytes).as_slice() != found {
        return None;
    }
    let fetch = u64::from_be_bytes(bytes[..8].try_into().ok()?);
    let from = u64::from_be_bytes(bytes[8..16].try_into().ok()?);
    let page = u32::from_be_bytes(bytes[16..].try_into().ok()?);
    Some(Place { fetch, from, page })
}

fn digest(scope: Scope<'_>, place: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut digest = Sha256::new();
    digest.update(place);
    for part in [scope.sort_by.as_str(), scope.aggregation.as_str(), scope.job] {
        digest.update(part.as_bytes());
        digest.update(b"\n");
    }
    digest.finalize()
}

fn mask(place: &mut [u8], digest: &[u8]) {
    place.iter_mut().zip(digest).for_each(|(byte, mask)| *byte ^= mask);
}

#[cfg(test)]
mod tests {
    use super::{Place, Scope, read, write};
    use crate::job::{Aggregation, SortBy};

    const SCOPE: Scope<'_> = Scope { job: "job-1", sort_by: SortBy::Name, aggregation: Aggregation::Timestamps };
    const PLACE: Place = Place { fetch: 7, from: 2_000, page: 3 };

    #[test]
    fn a_token_is_opaque_short_enough_and_read_back() {
        let token = write(SCOPE, PLACE);
        assert!((60..=255).contains(&token.len()));
        assert_eq!(read(SCOPE, &token), Some(PLACE));
    }

    #[test]
    fn a_token_is_good_for_its_scope_only() {
        let token = write(SCOPE, PLACE);
        assert_eq!(read(Scope { job: "job-2", ..SCOPE }, &token), None);
        assert_eq!(read(Scope { sort_by: SortBy::Timestamp, ..SCOPE }, &token), None);
        assert_eq!(read(Scope { aggregation: Aggregation::Segments, ..SCOPE }, &token), None);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for token in ["", "AAAA", "not base64!", &write(SCOPE, PLACE)[4..]] {
            assert_eq!(read(SCOPE, token), None, "{token}");
        }
    }
}
