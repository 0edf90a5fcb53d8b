//! Keys that never enter the database: the master key, what is derived from it, and the envelope around secrets.

use std::path::Path;

use anyhow::Context;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::config::Config;

/// Length of a nonce in bytes; it leads each ciphertext.
const NONCE: usize = 24;

/// 32 random bytes under which every tenant's data key is wrapped; while keys are changed also others, which only open.
#[derive(Clone)]
pub struct MasterKey {
    key: [u8; 32],
    other: Option<[u8; 32]>,
}

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
        Ok(Self {
            key: decode(text)?,
            other: None,
        })
    }

    /// As configured: `SQUARETABLE_MASTER_KEY`, else the key file, and `SQUARETABLE_MASTER_KEY_OTHER`.
    ///
    /// # Errors
    /// The file cannot be read or written, or one of them is no key.
    pub fn of(config: &Config) -> anyhow::Result<Self> {
        let keys = match &config.master_key {
            Some(key) => Self::from_hex(key.expose())?,
            None => Self::from_file(&config.data_dir.join("master.key"))?,
        };
        match &config.master_key_other {
            Some(other) => keys.with_other(other.expose()),
            None => Ok(keys),
        }
    }

    /// The same key, and another one (64 hexadecimal digits) that opens what this one does not.
    ///
    /// # Errors
    /// `other` is no key.
    pub fn with_other(self, other: &str) -> anyhow::Result<Self> {
        Ok(Self {
            other: Some(decode(other)?),
            ..self
        })
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
        let key = Self {
            key: rand::random(),
            other: None,
        };
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        file.write_all(hex::encode(key.key).as_bytes())?;
        file.sync_all()?;
        Ok(key)
    }

    /// Secret of the session cookie's signature, the same on every node.
    #[must_use]
    pub fn cookie_secret(&self) -> String {
        hex::encode(blake3::derive_key(
            "squaretable 2026 session cookie signature",
            &self.key,
        ))
    }

    /// What the database holds of a one-time code of an account: without this key its few digits cannot be tried out.
    #[must_use]
    pub fn code_hash(&self, handle: &str, code: &str) -> [u8; 32] {
        let key = blake3::derive_key("squaretable 2026 one-time code", &self.key);
        *blake3::keyed_hash(&key, format!("{code}:{handle}").as_bytes()).as_bytes()
    }

    /// Encrypts `plain` for one tenant: a fresh data key wrapped by this key, and the body under the data key.
    ///
    /// # Errors
    /// The cipher refused the input (longer than 256 GiB).
    pub fn seal(&self, tenant: &str, plain: &[u8]) -> anyhow::Result<Sealed> {
        let data_key: [u8; 32] = rand::random();
        Ok(Sealed {
            wrapped_key: encrypt(&self.key, tenant, &data_key)?,
            body: encrypt(&data_key, tenant, plain)?,
        })
    }

    /// Reverses [`MasterKey::seal`], also of the other key.
    ///
    /// # Errors
    /// Another master key or tenant, or altered bytes.
    pub fn open(&self, tenant: &str, sealed: &Sealed) -> anyhow::Result<Vec<u8>> {
        decrypt(&self.data_key(tenant, sealed)?, tenant, &sealed.body)
    }

    /// Whether this key itself, and not the other one, wraps the data key.
    #[must_use]
    pub fn wraps(&self, tenant: &str, sealed: &Sealed) -> bool {
        decrypt(&self.key, tenant, &sealed.wrapped_key).is_ok()
    }

    /// The same body under the same data key, wrapped by this key; with `fresh` under a new data key.
    ///
    /// # Errors
    /// As [`MasterKey::open`]; a body that does not open is not wrapped anew.
    pub fn rewrap(&self, tenant: &str, sealed: &Sealed, fresh: bool) -> anyhow::Result<Sealed> {
        let plain = self.open(tenant, sealed)?;
        if fresh {
            return self.seal(tenant, &plain);
        }
        Ok(Sealed {
            wrapped_key: encrypt(&self.key, tenant, &self.data_key(tenant, sealed)?)?,
            body: sealed.body.clone(),
        })
    }

    fn data_key(&self, tenant: &str, sealed: &Sealed) -> anyhow::Result<[u8; 32]> {
        let wrapped = &sealed.wrapped_key;
        let data_key = decrypt(&self.key, tenant, wrapped).or_else(|error| match &self.other {
            Some(other) => decrypt(other, tenant, wrapped),
            None => Err(error),
        });
        let data_key = data_key.context("the master key does not fit")?;
        data_key
            .try_into()
            .map_err(|_| anyhow::anyhow!("a data key is not 32 bytes long"))
    }
}

fn decode(text: &str) -> anyhow::Result<[u8; 32]> {
    let bytes = hex::decode(text.trim())?;
    bytes
        .try_into()
        .map_err(|_| anyhow::anyhow!("a master key has 64 hexadecimal digits"))
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
        let key = MasterKey::from_hex(&"07".repeat(32)).unwrap();
        let sealed = key.seal("1", b"{}").unwrap();
        assert_eq!(key.open("1", &sealed).unwrap(), b"{}");
        assert!(
            key.open("2", &sealed).is_err(),
            "another tenant's row must not decrypt"
        );
        let other = MasterKey::from_hex(&"08".repeat(32)).unwrap();
        assert!(other.open("1", &sealed).is_err());
        let both = other.clone().with_other(&"07".repeat(32)).unwrap();
        assert_eq!(both.open("1", &sealed).unwrap(), b"{}");
        for fresh in [false, true] {
            let moved = both.rewrap("1", &sealed, fresh).unwrap();
            assert!(both.wraps("1", &moved) && !both.wraps("1", &sealed));
            assert_eq!(other.open("1", &moved).unwrap(), b"{}");
            assert!(key.open("1", &moved).is_err() && both.rewrap("2", &sealed, fresh).is_err());
            assert_eq!(moved.body == sealed.body, !fresh);
        }
        assert!(!sealed.body.windows(2).any(|w| w == b"{}"));
    }

    #[test]
    fn the_key_file_is_created_once_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let first = MasterKey::from_file(&path).unwrap();
        assert_eq!(first.key, MasterKey::from_file(&path).unwrap().key);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
