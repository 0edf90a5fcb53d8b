//! Where data lives: PostgreSQL, embedded or given, and Redis.

use std::path::PathBuf;

use super::ServeArgs;
use super::secret::Secret;
use super::source::Source;

/// Storage settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// `--database-url`, `DATABASE_URL`: `postgres://` or `postgresql://`. Default none: the embedded PostgreSQL.
    pub url: Option<Secret<String>>,
    /// `DATABASE_MAX_CONNECTIONS`: connections of this process, at least 1. Default 20.
    pub max_connections: u32,
    /// `--postgres-bin`: the folder of `initdb`, `pg_ctl` and `postgres` for the embedded PostgreSQL.
    /// Default none: looked for in the npm package, `PATH` and the usual system folders.
    pub postgres_bin: Option<PathBuf>,
    /// `--redis-url`, `REDIS_URL`: `redis://`, `redis+unix://` or `unix://`. Default none: no Redis.
    pub redis_url: Option<Secret<String>>,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: None,
            max_connections: 20,
            postgres_bin: None,
            redis_url: None,
        }
    }
}

impl DatabaseConfig {
    pub(super) fn read(source: &mut Source, args: &ServeArgs) -> Self {
        let default = Self::default();
        let postgres_bin = args.postgres_bin.clone();
        if let Some(folder) = postgres_bin.as_ref().filter(|folder| !folder.is_dir()) {
            source.fault(format!("--postgres-bin: {} is no folder", folder.display()));
        }
        Self {
            url: connection(
                source,
                ("--database-url", args.database_url.as_ref()),
                "DATABASE_URL",
                &["postgres://", "postgresql://"],
            ),
            max_connections: max_connections(source).unwrap_or(default.max_connections),
            postgres_bin,
            redis_url: connection(
                source,
                ("--redis-url", args.redis_url.as_ref()),
                "REDIS_URL",
                &["redis://", "redis+unix://", "unix://"],
            ),
        }
    }
}

fn max_connections(source: &mut Source) -> Option<u32> {
    let text = source.variable("DATABASE_MAX_CONNECTIONS")?;
    let count = text.trim().parse().ok().filter(|count| *count >= 1);
    if count.is_none() {
        source.fault(format!(
            "DATABASE_MAX_CONNECTIONS: expected a whole number from 1, found {text:?}"
        ));
    }
    count
}

/// A connection URL from its flag or its variable. The URL may hold a password and is never repeated.
fn connection(
    source: &mut Source,
    (flag, given): (&str, Option<&String>),
    variable: &str,
    schemes: &[&str],
) -> Option<Secret<String>> {
    let (name, url) = match given {
        Some(url) => (flag, url.clone()),
        None => (variable, source.variable(variable)?),
    };
    let url = url.trim().to_owned();
    if !schemes
        .iter()
        .any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
    {
        source.fault(format!(
            "{name}: expected a URL that begins with {}",
            schemes.join(" or ")
        ));
        return None;
    }
    Some(Secret::new(url))
}
