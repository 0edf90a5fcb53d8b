//! What the administrator allows everybody, as this process knows it: the sources of completions, the hosts that requests
//! may go to, and which keys are lent to whoever has none of their own.

use std::sync::{Arc, PoisonError, RwLock};

use reqwest::Url;

use crate::config::limits::Quotas;
use crate::error::Result;
use crate::providers::allowed_hosts::AllowedHosts;
use crate::providers::chat::Source;
use crate::store::policy::{self, Policy};
use crate::store::{Db, TenantId};

/// Sources whose address, or a part of its host, is the user's to choose: a key that is lent would go where the user says.
const OWN_ADDRESS: [Source; 4] = [
    Source::Custom,
    Source::AzureOpenAi,
    Source::VertexAi,
    Source::WorkersAi,
];

/// Fields of a request's body that may name the server it goes to.
const ADDRESSES: [&str; 13] = [
    "reverse_proxy",
    "custom_url",
    "api_server",
    "api_url",
    "apiUrl",
    "apiHost",
    "baseUrl",
    "extrasUrl",
    "azure_base_url",
    "provider_endpoint",
    "server",
    "server_url",
    "url",
];

/// The policy as it was last read. Read anew before every request that goes out, so that a change counts at once.
#[derive(Debug)]
pub struct Policies {
    db: Db,
    hosts: AllowedHosts,
    upstream: Option<u64>,
    current: RwLock<Arc<Policy>>,
}

impl Policies {
    /// Over a database; `hosts` are the relay's, `quotas` what the environment says.
    #[must_use]
    pub fn new(db: Db, hosts: AllowedHosts, quotas: &Quotas) -> Self {
        Self {
            db,
            hosts,
            upstream: quotas.upstream,
            current: RwLock::default(),
        }
    }

    /// Reads the policy, and how many requests a day the tenant may send to providers, if there is a limit.
    ///
    /// # Errors
    /// The database failed.
    pub async fn refresh(&self, tenant: TenantId) -> Result<(Arc<Policy>, Option<i64>)> {
        let (policy, decided) = policy::read(&self.db, tenant).await?;
        let policy = Arc::new(policy);
        self.hosts.set(policy.hosts.clone());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = policy.clone();
        let usual = self.upstream.map(|most| i64::try_from(most).unwrap_or(i64::MAX));
        Ok((policy, decided.or(usual).filter(|most| *most >= 0)))
    }

    /// The policy as it was last read.
    #[must_use]
    pub fn current(&self) -> Arc<Policy> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Whether a secret of this name may be lent: that of a source of chat completions whose address is its own.
#[must_use]
pub fn may_lend(key: &str) -> bool {
    let mut sources = Source::ALL.iter();
    sources.any(|source| source.secret_key() == key && !OWN_ADDRESS.contains(source))
}

/// The address in a body that the policy does not allow requests to go to.
#[must_use]
pub fn forbidden_host(policy: &Policy, body: &serde_json::Value) -> Option<String> {
    let hosts = AllowedHosts::default();
    hosts.set(policy.hosts.clone());
    ADDRESSES.iter().find_map(|field| {
        let url = Url::parse(body.get(field)?.as_str()?).ok()?;
        hosts
            .check(&url)
            .err()
            .map(|_| url.host_str().unwrap_or_default().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_lent_only_to_fixed_addresses() {
        assert!(may_lend("api_key_openai") && may_lend("api_key_claude"));
        for key in [
            "api_key_custom",
            "api_key_azure_openai",
            "api_key_vertexai",
            "api_key_workers_ai",
            "api_key_vllm",
            "api_key_generic",
            "nonsense",
        ] {
            assert!(!may_lend(key), "{key}");
        }
    }

    #[test]
    fn a_host_of_the_body_is_judged_where_hosts_are_listed() {
        let mut policy = Policy::default();
        let body = json!({ "api_server": "http://evil.example/v1", "url": 5 });
        assert_eq!(forbidden_host(&policy, &body), None);
        policy.hosts = Some(vec!["good.example".to_owned()]);
        assert_eq!(forbidden_host(&policy, &body).as_deref(), Some("evil.example"));
        let body = json!({ "custom_url": "http://good.example", "reverse_proxy": "no address" });
        assert_eq!(forbidden_host(&policy, &body), None);
    }
}
