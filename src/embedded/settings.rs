//! The files that configure the embedded PostgreSQL.

use anyhow::Result;

use super::account;
use super::home::Home;

/// PostgreSQL's port; with no TCP it is only a part of the socket's name.
pub(super) const PORT: u16 = 5432;

/// Upper bound of `shared_buffers`: plenty for one node, and the system's own cache serves the rest.
const SHARED_BUFFERS_LIMIT_MB: u64 = 256;
/// Used when the memory of the machine is unknown.
const SHARED_BUFFERS_DEFAULT_MB: u64 = 128;

/// Writes `server.conf`, `pg_hba.conf` and `pg_ident.conf`, and `local.conf` when missing.
pub(super) fn write(home: &Home, fsync: bool) -> Result<()> {
    let user = account::current_name()?;
    if !home.root.join("local.conf").exists() {
        home.write_file(
            "local.conf",
            "# Your own settings for PostgreSQL; they win over server.conf.\n",
        )?;
    }
    home.write_file("server.conf", &server(home, fsync))?;
    home.write_file("pg_hba.conf", "local all all peer map=squaretable\n")?;
    home.write_file("pg_ident.conf", &ident(&user))
}

fn server(home: &Home, fsync: bool) -> String {
    let root = quote(&home.root.to_string_lossy());
    // A list, in which double quotes protect commas and spaces.
    let socket_dir = quote(&home.socket_dir.to_string_lossy().replace('"', "\"\""));
    let shared_buffers = shared_buffers_mb();
    let (fsync, full_page_writes) = if fsync { ("on", "on") } else { ("off", "off") };
    format!(
        r#"# Written at every start; put changes into local.conf beside this file.
include '{root}/cluster/postgresql.conf'

hba_file = '{root}/pg_hba.conf'
ident_file = '{root}/pg_ident.conf'
listen_addresses = ''
port = {PORT}
unix_socket_directories = '"{socket_dir}"'
unix_socket_permissions = 0700
max_connections = 60

shared_buffers = {shared_buffers}MB
# Queries touch one tenant's rows: parallel workers cost more than they give, and need /dev/shm, small in containers.
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
jit = off

fsync = {fsync}
full_page_writes = {full_page_writes}
synchronous_commit = on
wal_compression = on
max_wal_size = 2GB

timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_destination = 'stderr'
logging_collector = off
log_checkpoints = off
log_line_prefix = '%m [%p] %u@%d '

include '{root}/local.conf'
"#
    )
}

/// Who may connect as which role; the module documentation of `embedded` has the reasoning.
fn ident(user: &str) -> String {
    let mut text = String::from("# map  system user  database role\n");
    for user in ["root"].into_iter().chain((user != "root").then_some(user)) {
        for role in [super::ROLE, super::SUPERUSER] {
            text.push_str(&format!("squaretable \"{}\" {role}\n", user.replace('"', "\"\"")));
        }
    }
    text
}

/// Text inside single quotes of a configuration file.
fn quote(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "''")
}

/// A quarter of the memory this process may use, at most the limit above.
fn shared_buffers_mb() -> u64 {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes / 1024)
    });
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok())
        .map(|bytes| bytes / 1024 / 1024);
    let memory = [machine, group].into_iter().flatten().min();
    memory.map_or(SHARED_BUFFERS_DEFAULT_MB, |memory| {
        (memory / 4).clamp(16, SHARED_BUFFERS_LIMIT_MB)
    })
}
