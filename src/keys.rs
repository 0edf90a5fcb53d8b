//! Keys that never enter the database: the master key, what is derived from it, and the envelope around secrets.

use std::path::Path;

use anyhow::Context;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

/// Length of a nonce in bytes; it leads each ciphertext.
const NONCE: usize = 24;

/// 32 random bytes under which every tenant's data key is wrapped.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

impl MasterKey {
    /// From 64 hexadecimal digits, as `SQUARETABLE_MASTER_KEY` gives them. All nodes of one database need the same.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_hex(text: &str) -> anyhow::Result<Self> {
        let bytes = hex::decode(text.trim())?;
        let bytes = bytes
            .try_into()
            .map_err(|_| anyhow::anyhow!("a master key has 64 hexadecimal digits"))?;
        Ok(Self(bytes))
    }

    /// From `master.key` in the data directory, created (mode 0600) where there is none.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds no key.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_hex(&text).with_context(|| format!("{} holds no key", path.display())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Self::create(path),
            Err(e) => Err(e).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn create(path: &Path) -> anyhow::Result<Self> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let key = Self(rand::random());
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        file.write_all(hex::encode(key.0).as_bytes())?;
        file.sync_all()?;
        Ok(key)
    }

    /// Secret of the session cookie's signature, the same on every node.
    #[must_use]
    pub fn cookie_secret(&self) -> String {
        hex::encode(blake3::derive_key(
            "squaretable 2026 session cookie signature",
            &self.0,
        ))
    }

    /// What the database holds of a one-time code of an account: without this key its few digits cannot be tried out.
    #[must_use]
    pub fn code_hash(&self, handle: &str, code: &str) -> [u8; 32] {
        let key = blake3::derive_key("squaretable 2026 one-time code", &self.0);
        *blake3::keyed_hash(&key, format!("{code}:{handle}").as_bytes()).as_bytes()
    }

    /// Encrypts `plain` for one tenant: a fresh data key wrapped by this key, and the body under the data key.
    ///
    /// # Errors
    /// The cipher refused the input (longer than 256 GiB).
    pub fn seal(&self, tenant: &str, plain: &[u8]) -> anyhow::Result<Sealed> {
        let data_key: [u8; 32] = rand::random();
        Ok(Sealed {
            wrapped_key: encrypt(&self.0, tenant, &data_key)?,
            body: encrypt(&data_key, tenant, plain)?,
        })
    }

    /// Reverses [`MasterKey::seal`].
    ///
    /// # Errors
    /// Another master key or tenant, or altered bytes.
    pub fn open(&self, tenant: &str, sealed: &Sealed) -> anyhow::Result<Vec<u8>> {
        let data_key =
            decrypt(&self.0, tenant, &sealed.wrapped_key).context("the master key does not fit")?;
        let data_key = data_key
            .try_into()
            .map_err(|_| anyhow::anyhow!("a data key is not 32 bytes long"))?;
        decrypt(&data_key, tenant, &sealed.body)
    }
}

/// What the database holds of a tenant's secrets.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The tenant's data key under the master key.
    pub wrapped_key: Vec<u8>,
    /// The secrets under the data key.
    pub body: Vec<u8>,
}

fn encrypt(key: &[u8; 32], tenant: &str, plain: &[u8]) -> anyhow::Result<Vec<u8>> {
    let nonce: [u8; NONCE] = rand::random();
    let payload = Payload {
        msg: plain,
        aad: tenant.as_bytes(),
    };
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    let body = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| anyhow::anyhow!("cannot encrypt"))?;
    Ok([&nonce[..], &body].concat())
}

fn decrypt(key: &[u8; 32], tenant: &str, sealed: &[u8]) -> anyhow::Result<Vec<u8>> {
    let (nonce, body) = sealed
        .split_at_checked(NONCE)
        .context("a ciphertext is too short")?;
    let nonce: [u8; NONCE] = nonce.try_into().context("a nonce is too short")?;
    let payload = Payload {
        msg: body,
        aad: tenant.as_bytes(),
    };
    let cipher = XChaCha20Poly1305::new(&Key::from(*key));
    cipher
        .decrypt(&XNonce::from(nonce), payload)
        .map_err(|_| anyhow::anyhow!("cannot decrypt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_body_opens_only_with_its_key_and_tenant() {
        let key = MasterKey([7; 32]);
        let sealed = key.seal("1", b"{}").unwrap();
        assert_eq!(key.open("1", &sealed).unwrap(), b"{}");
        assert!(
            key.open("2", &sealed).is_err(),
            "another tenant's row must not decrypt"
        );
        assert!(MasterKey([8; 32]).open("1", &sealed).is_err());
        assert!(!sealed.body.windows(2).any(|w| w == b"{}"));
    }

    #[test]
    fn the_key_file_is_created_once_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let first = MasterKey::from_file(&path).unwrap();
        assert_eq!(first.0, MasterKey::from_file(&path).unwrap().0);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
