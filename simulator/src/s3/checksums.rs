//! Checksums of uploads, verified before the object is stored.

use bytes::Bytes;
use hyper::HeaderMap;
use s3s::crypto::{Checksum, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::PutObjectInput;
use s3s::{S3Result, s3_error};

/// Returns the CRC-32 in S3's encoding, base64.
pub(crate) fn crc32(body: &Bytes) -> String {
    encoded::<Crc32>(body)
}

/// Verifies every checksum that was sent, in a header or in a trailer after the body.
pub(crate) fn verify(input: &PutObjectInput, trailers: &HeaderMap, body: &Bytes) -> S3Result<()> {
    type Compute = fn(&Bytes) -> String;
    let checks: [(&str, Option<&String>, Compute); 6] = [
        ("content-md5", input.content_md5.as_ref(), encoded::<Md5>),
        ("x-amz-checksum-crc32", input.checksum_crc32.as_ref(), encoded::<Crc32>),
        ("x-amz-checksum-crc32c", input.checksum_crc32c.as_ref(), encoded::<Crc32c>),
        ("x-amz-checksum-crc64nvme", input.checksum_crc64nvme.as_ref(), encoded::<Crc64Nvme>),
        ("x-amz-checksum-sha1", input.checksum_sha1.as_ref(), encoded::<Sha1>),
        ("x-amz-checksum-sha256", input.checksum_sha256.as_ref(), encoded::<Sha256>),
    ];
    for (name, header, compute) in checks {
        let trailer = trailers.get(name).and_then(|value| value.to_str().ok());
        for sent in header.map(String::as_str).into_iter().chain(trailer) {
            let computed = compute(body);
            if sent.len() != computed.len() {
                return Err(s3_error!(InvalidRequest, "Value for {name} header is invalid."));
            }
            if sent != computed {
                return Err(s3_error!(BadDigest, "The {name} you specified did not match what we received."));
            }
        }
    }
    Ok(())
}

fn encoded<C: Checksum>(body: &Bytes) -> String {
    base64_simd::STANDARD.encode_to_string(C::checksum(body).as_ref())
}
