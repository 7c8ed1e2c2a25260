//! TLS roots: the certificate authorities that the clients trust.

use std::borrow::Cow;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};

use crate::error::Error;

/// The roots of Amazon Trust Services, which sign the certificates of all AWS endpoints. Parsing these five instead of
/// the system's 150 saves most of a cold start. They are valid until 2037 at least; source:
/// <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");
/// First line of a certificate in PEM.
const BEGIN_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A file of certificates in PEM to trust instead of Amazon's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaBundle {
    /// The environment variable that names the file.
    pub(crate) variable: &'static str,
    /// The path of the file.
    pub(crate) path: String,
}

impl CaBundle {
    fn error(&self) -> Error {
        wrong(self.variable, format!("{:?}", self.path))
    }
}

fn wrong(variable: &'static str, given: String) -> Error {
    Error::Configuration { variable, given, expected: "a readable file of certificates in PEM" }
}

/// Returns a TLS context that trusts the certificates in `bundle`, or Amazon's roots without one.
///
/// # Errors
/// `Configuration`: the file cannot be read, or holds no certificate.
pub fn tls_context(bundle: Option<&CaBundle>) -> Result<TlsContext, Error> {
    let trust = TrustStore::empty().with_pem_certificate(roots(bundle)?);
    let context = TlsContext::builder().with_trust_store(trust).build();
    context.map_err(|error| wrong(bundle.map_or("AWS_CA_BUNDLE", |bundle| bundle.variable), error.to_string()))
}

fn roots(bundle: Option<&CaBundle>) -> Result<Cow<'static, [u8]>, Error> {
    let Some(bundle) = bundle else { return Ok(AMAZON_ROOTS.into()) };
    let roots = std::fs::read(&bundle.path).map_err(|_| bundle.error())?;
    // Without this check the HTTP client would panic at its first call.
    if !roots.windows(BEGIN_CERTIFICATE.len()).any(|bytes| bytes == BEGIN_CERTIFICATE) {
        return Err(bundle.error());
    }
    Ok(roots.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots_in(variable: &'static str, path: &str) -> Result<Cow<'static, [u8]>, String> {
        roots(Some(&CaBundle { variable, path: path.to_owned() })).map_err(|error| error.to_string())
    }

    #[test]
    fn trusts_amazon_or_the_given_file() {
        assert_eq!(roots(None).unwrap(), AMAZON_ROOTS);
        assert_eq!(roots_in("SSL_CERT_FILE", "src/aws/amazon-roots.pem").unwrap(), AMAZON_ROOTS);
    }

    #[test]
    fn rejects_a_file_without_certificates() {
        let error = roots_in("AWS_CA_BUNDLE", "no/such.pem").unwrap_err();
        assert!(error.contains("AWS_CA_BUNDLE") && error.contains("PEM"), "{error}");
        assert!(roots_in("SSL_CERT_FILE", "Cargo.toml").unwrap_err().contains("Cargo.toml"));
    }
}
