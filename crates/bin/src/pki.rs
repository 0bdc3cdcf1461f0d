//! Certificates for peers: one certificate authority per cluster, one certificate per node.
//!
//! Private keys leave this module only as PEM text, for files readable by their owner only.

use adapter_raft::network::peer_dns_name;
use domain::{ClusterId, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

/// Validity of the cluster's CA.
const CA_VALIDITY: Duration = Duration::days(3650);
/// Validity of a node's certificate.
const NODE_VALIDITY: Duration = Duration::days(1826);
/// Certificates are valid from this much earlier, for nodes whose clock is behind.
const CLOCK_SKEW: Duration = Duration::hours(1);

/// A certificate could not be created.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The generator failed.
    #[error("the certificate could not be made")]
    Rcgen(#[from] rcgen::Error),
    /// The clock is out of range.
    #[error("the clock shows a time that certificates cannot hold")]
    Clock(#[from] time::error::ComponentRange),
}

/// A certificate and its private key, both PEM.
pub struct Credentials {
    /// The certificate.
    pub cert_pem: String,
    /// The private key: a secret.
    pub key_pem: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// The certificate authority of one cluster.
#[derive(Debug)]
pub struct ClusterCa {
    cluster_id: ClusterId,
    issuer: Issuer<'static, KeyPair>,
    cert_pem: String,
    now: OffsetDateTime,
}

impl ClusterCa {
    /// Creates a new authority (ECDSA on P-256), valid for ten years from `now`.
    pub fn new(cluster_id: &ClusterId, now: Timestamp) -> Result<Self, PkiError> {
        let now = OffsetDateTime::from_unix_timestamp(now.0 / 1000)?;
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = authority(cluster_id)?;
        params.not_before = now - CLOCK_SKEW;
        params.not_after = now + CA_VALIDITY;
        let cert_pem = params.self_signed(&key)?.pem();
        Ok(Self { cluster_id: cluster_id.clone(), issuer: Issuer::new(params, key), cert_pem, now })
    }

    /// Loads an existing authority from the output of [`Self::credentials`], to issue more certificates. They
    /// are valid from `now`.
    pub fn load(
        cluster_id: &ClusterId,
        cert_pem: &str,
        key_pem: &str,
        now: Timestamp,
    ) -> Result<Self, PkiError> {
        let now = OffsetDateTime::from_unix_timestamp(now.0 / 1000)?;
        let key = KeyPair::from_pem(key_pem)?;
        let params = authority(cluster_id)?;
        let issuer = Issuer::new(params, key);
        Ok(Self { cluster_id: cluster_id.clone(), issuer, cert_pem: cert_pem.to_owned(), now })
    }

    /// The authority's certificate and private key.
    pub fn credentials(&self) -> Credentials {
        Credentials { cert_pem: self.cert_pem.clone(), key_pem: self.issuer.key().serialize_pem() }
    }

    /// Issues the credentials of a node, for both sides of a connection.
    pub fn issue(&self, node_id: u64) -> Result<Credentials, PkiError> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let name = peer_dns_name(self.cluster_id.as_str(), node_id);
        let mut params = CertificateParams::new([name])?;
        params.distinguished_name.push(DnType::CommonName, format!("Guardian node {node_id}"));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = self.now - CLOCK_SKEW;
        params.not_after = self.now + NODE_VALIDITY;
        let cert_pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Credentials { cert_pem, key_pem: key.serialize_pem() })
    }
}

fn authority(cluster_id: &ClusterId) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, format!("Guardian cluster {cluster_id}"));
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adapter_raft::network::PeerTls;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn accepted(ca: &ClusterCa, cluster: &str, node: u64, credentials: &Credentials) -> bool {
        let (cert, key) = (credentials.cert_pem.as_bytes(), credentials.key_pem.as_bytes());
        PeerTls::from_pem(cluster, node, ca.credentials().cert_pem.as_bytes(), cert, key).is_ok()
    }

    #[test]
    fn a_certificate_is_for_one_node_of_one_cluster() {
        let ca = ClusterCa::new(&ClusterId::parse("test").expect("an id"), NOW).expect("a CA");
        let node = ca.issue(u64::MAX >> 1).expect("credentials");
        assert!(accepted(&ca, "test", u64::MAX >> 1, &node));
        assert!(!accepted(&ca, "test", 8, &node), "another node");
        assert!(!accepted(&ca, "other", u64::MAX >> 1, &node), "another cluster");
    }

    #[test]
    fn an_authority_that_was_kept_issues_more() {
        let id = ClusterId::parse("test").expect("an id");
        let made = ClusterCa::new(&id, NOW).expect("a CA");
        let Credentials { cert_pem, key_pem } = made.credentials();
        let kept = ClusterCa::load(&id, &cert_pem, &key_pem, NOW).expect("the same CA");
        assert!(accepted(&made, "test", 9, &kept.issue(9).expect("credentials")));
    }

    #[test]
    fn keys_are_not_shown() {
        let ca = ClusterCa::new(&ClusterId::parse("test").expect("an id"), NOW).expect("a CA");
        assert!(!format!("{:?}", ca.credentials()).contains("PRIVATE"));
    }
}
