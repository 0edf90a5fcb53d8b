use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::account::{self, command};
use super::{Embedded, Options};

/// A data folder that others may pass through, as a server's would be.
fn folder() -> Result<(TempDir, PathBuf)> {
    let data = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()?;
    let dir = data.path().join("postgres");
    Ok((data, dir))
}

async fn start(dir: &Path) -> Result<Embedded> {
    Embedded::start(Options {
        dir: dir.to_owned(),
        postgres_bin: None,
        fsync: false,
    })
    .await
}

async fn count(embedded: &Embedded) -> Result<i64> {
    let mut connection = PgConnection::connect_with(&embedded.connect_options()).await?;
    let count = sqlx::query_scalar("SELECT count(*) FROM proof")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(count)
}

async fn insert(embedded: &Embedded) -> Result<()> {
    let mut connection = PgConnection::connect_with(&embedded.connect_options()).await?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS proof (); INSERT INTO proof DEFAULT VALUES")
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(())
}

#[tokio::test]
async fn data_survives_a_restart_and_the_role_is_an_ordinary_one() -> Result<()> {
    let (_data, dir) = folder()?;
    // What a crash in the middle of `initdb` leaves.
    fs::create_dir_all(dir.join("cluster.new/base"))?;
    let embedded = start(&dir).await?;
    insert(&embedded).await?;
    embedded.stop().await?;

    let embedded = start(&dir).await?;
    assert!(embedded.started_here());
    assert_eq!(count(&embedded).await?, 1);
    let mut connection = PgConnection::connect_with(&embedded.connect_options()).await?;
    let rights: (bool, bool, bool) = sqlx::query_as(
        "SELECT rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user",
    )
    .fetch_one(&mut connection)
    .await?;
    assert_eq!(rights, (false, false, true));
    let addresses: String = sqlx::query_scalar("SHOW listen_addresses")
        .fetch_one(&mut connection)
        .await?;
    assert_eq!(addresses, "");
    connection.close().await?;
    embedded.stop().await
}

#[tokio::test]
async fn the_last_of_two_users_stops_it() -> Result<()> {
    let (_data, dir) = folder()?;
    let first = start(&dir).await?;
    insert(&first).await?;
    let second = start(&dir).await?;
    assert!(first.started_here() && !second.started_here());
    first.stop().await?;
    assert_eq!(count(&second).await?, 1);
    let options = second.connect_options();
    second.stop().await?;
    assert!(PgConnection::connect_with(&options).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_killed_one_is_replaced_though_its_process_number_lives_on() -> Result<()> {
    let (_data, dir) = folder()?;
    let killed = start(&dir).await?;
    insert(&killed).await?;
    let pid_file = dir.join("cluster/postmaster.pid");
    let text = fs::read_to_string(&pid_file)?;
    let (pid, rest) = text.split_once('\n').expect("postmaster.pid has lines");
    assert!(
        Command::new("/bin/sh")
            .args(["-c", &format!("kill -KILL {pid}")])
            .status()?
            .success()
    );
    drop(killed);

    // Of the same user as PostgreSQL: a number it could not signal would not impress it.
    let owner = account::choose(account::current_uid()?, &dir.join("cluster"))?;
    let mut stranger = command("sleep", owner)
        .arg("600")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let stale = format!("{}\n{rest}", stranger.id());
    fs::write(&pid_file, &stale)?;
    fs::write(dir.join("socket/.s.PGSQL.5432.lock"), &stale)?;
    let started = start(&dir).await;
    let spared = stranger.try_wait()?.is_none();
    stranger.kill()?;
    stranger.wait()?;

    let embedded = started?;
    assert!(spared, "the process that has the number now is left alone");
    assert!(embedded.started_here());
    assert_eq!(count(&embedded).await?, 1);
    embedded.stop().await
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_address_works() -> Result<()> {
    let (_data, dir) = folder()?;
    let dir = dir.join("long".repeat(30)).join("it's, \"quoted\"");
    let embedded = start(&dir).await?;
    insert(&embedded).await?;
    embedded.stop().await?;
    let embedded = start(&dir).await?;
    assert_eq!(count(&embedded).await?, 1);
    embedded.stop().await?;
    fs::remove_dir_all(fs::read_to_string(dir.join("socket-path"))?)?;
    Ok(())
}

#[tokio::test]
async fn a_failed_start_says_why() -> Result<()> {
    let (_data, dir) = folder()?;
    start(&dir).await?.stop().await?;
    fs::write(dir.join("local.conf"), "no_such_setting = 1\n")?;
    let error = start(&dir).await.expect_err("the setting does not exist");
    assert!(format!("{error:#}").contains("no_such_setting"), "{error:#}");

    fs::write(dir.join("cluster/PG_VERSION"), "9\n")?;
    let error = start(&dir).await.expect_err("no programs of that version");
    assert!(format!("{error:#}").contains("made by PostgreSQL 9"), "{error:#}");
    Ok(())
}
