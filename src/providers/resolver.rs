//! Where the addresses of names come from.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address_filter::AddressFilter;

type Table = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// Tells the addresses of names: the operating system does unless there is a table. A clone is a reference.
#[derive(Clone, Default)]
pub struct Lookup(Option<Table>);

impl Lookup {
    /// One that asks `table` anew for each connection. A port that it tells is used where the address has none.
    pub fn table(table: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(table)))
    }

    /// The addresses of a name, those of one family before those of the other, otherwise in the order they are told.
    ///
    /// # Errors
    /// The name has none, or nobody could be asked.
    pub(crate) async fn resolve(&self, host: &str, ipv6_first: bool) -> io::Result<Vec<SocketAddr>> {
        let mut found: Vec<_> = match &self.0 {
            Some(table) => table(host)?,
            None => tokio::net::lookup_host((host, 0)).await?.collect(),
        };
        found.sort_by_key(|address| address.is_ipv6() != ipv6_first);
        Ok(found)
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_ref().map_or("System", |_| "Table"))
    }
}

impl PartialEq for Lookup {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(another)) => Arc::ptr_eq(one, another),
            (one, another) => one.is_none() && another.is_none(),
        }
    }
}

impl Eq for Lookup {}

/// The resolver of a client: what it answers is what is connected to, so that nobody asks a name twice.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    pub(super) lookup: Lookup,
    /// `dnsPreferIPv6`. The original puts IPv4 first without it, too.
    pub(super) ipv6_first: bool,
    pub(super) filter: Option<Arc<AddressFilter>>,
}

impl Resolver {
    /// The addresses of a name, unchecked.
    pub(super) async fn lookup(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        self.lookup.resolve(host, self.ipv6_first).await
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = resolver.lookup(host).await;
            let permitted = match &resolver.filter {
                Some(filter) => filter.judge(host, found)?,
                None => found?,
            };
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Lookup;

    #[tokio::test]
    async fn a_family_comes_first_and_keeps_its_order() {
        let told = ["[::2]:0", "1.1.1.2:0", "[::1]:0", "1.1.1.1:0"].map(|text| text.parse().unwrap());
        let lookup = Lookup::table(move |_| Ok(told.to_vec()));
        let order = async |ipv6_first| {
            let found = lookup.resolve("any", ipv6_first).await.unwrap();
            let found: Vec<_> = found.iter().map(|address| address.ip().to_string()).collect();
            found.join(" ")
        };
        assert_eq!(order(false).await, "1.1.1.2 1.1.1.1 ::2 ::1");
        assert_eq!(order(true).await, "::2 ::1 1.1.1.2 1.1.1.1");
    }
}
