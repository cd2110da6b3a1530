//! Certificates from PEM files.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::Certificate;

/// Reads the certificates of a PEM file, to be trusted beside those of the operating system:
/// `HttpClient::with(move |builder| builder.tls_certs_merge(certificates.clone()))`.
///
/// # Errors
///
/// When the file cannot be read, is no PEM, or holds no certificate. Nothing is sent.
pub fn read_certificates(path: &Path) -> Result<Vec<Certificate>, InvalidCertificates> {
    let invalid = |problem: String| InvalidCertificates { path: path.to_owned(), problem };
    let pem = std::fs::read(path).map_err(|error| invalid(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| invalid("it is not a PEM file".to_owned()))?;
    if certificates.is_empty() {
        return Err(invalid("it holds no certificate in PEM form (BEGIN CERTIFICATE)".to_owned()));
    }
    Ok(certificates)
}

/// Why a file gives no certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidCertificates {
    path: PathBuf,
    problem: String,
}

impl fmt::Display for InvalidCertificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the certificates of {} cannot be used: {}", self.path.display(), self.problem)
    }
}

impl Error for InvalidCertificates {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots.pem");
        assert!(read_certificates(&path).unwrap_err().to_string().contains("roots.pem"), "it is not there");
        for text in ["", "no certificate", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            std::fs::write(&path, text).unwrap();
            let error = read_certificates(&path).unwrap_err().to_string();
            assert!(error.contains("roots.pem") && error.contains("holds no certificate"), "{error}");
        }
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n").unwrap();
        assert!(read_certificates(&path).unwrap_err().to_string().contains("not a PEM file"));
    }
}
