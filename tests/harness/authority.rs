//! A certificate authority for one test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// Signs a certificate for each host that is asked for.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    known: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

impl Authority {
    /// A new one, and its own certificate as PEM.
    pub fn new() -> (Self, String) {
        let mut params = CertificateParams::new(Vec::new()).expect("no names, none wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Authority of a test");
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let authority = Self {
            issuer: Issuer::new(params, key),
            known: Mutex::default(),
        };
        (authority, pem)
    }

    /// The TLS set-up of a host.
    pub fn certificate(&self, host: &str) -> Arc<ServerConfig> {
        let mut known = self.known.lock().expect("no holder panics");
        let made = known
            .entry(host.to_owned())
            .or_insert_with(|| Arc::new(self.sign(host)));
        made.clone()
    }

    fn sign(&self, host: &str) -> ServerConfig {
        let name = host.trim_matches(['[', ']']).to_owned();
        let mut params = CertificateParams::new(vec![name]).expect("a host's name");
        params
            .distinguished_name
            .push(DnType::CommonName, "Host of a test");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .expect("key and certificate fit")
    }
}
