//! What is checked before the store is opened: settings under which it could not keep what it says.

use super::{connection::Connection, fault::named};
use crate::store::Error;
use redis::Value;

const OPEN: &str = "open";

/// Asks every primary.
///
/// # Errors
/// A setting that adjourn refuses, by name.
pub(super) async fn check(
    connection: &mut Connection,
    is_cluster: bool,
    confirming: Option<u32>,
) -> Result<(), Error> {
    let mut info = redis::cmd("INFO");
    info.arg("everything");
    let told = connection.send_to_primaries(info).await;
    let told = told.map_err(|error| named(OPEN, &error))?;
    let servers: Vec<Server> = match told {
        Value::Map(told) => told.iter().map(|(_, told)| Server::read(told)).collect(),
        told => vec![Server::read(&told)],
    };
    for server in servers {
        server.judge(is_cluster)?;
        for warning in server.warnings(confirming) {
            tracing::warn!(target: "adjourn::store", "{warning}");
        }
    }
    Ok(())
}

/// What a server tells of itself.
#[derive(Debug, Default)]
struct Server(String);

impl Server {
    fn read(told: &Value) -> Self {
        match told {
            Value::BulkString(bytes) => Self(String::from_utf8_lossy(bytes).into_owned()),
            Value::SimpleString(text) | Value::VerbatimString { text, .. } => Self(text.clone()),
            _ => Self::default(),
        }
    }

    fn get(&self, name: &str) -> &str {
        let found = self.0.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            (found == name).then(|| value.trim())
        });
        found.unwrap_or_default()
    }

    /// Valkey tells as `redis_version` with which Redis it goes, and that is 7.2.
    fn judge(&self, is_cluster: bool) -> Result<(), Error> {
        let refused = |why: String| Err(Error::unavailable(format!("{OPEN}: {why}")));
        let version = self.get("redis_version");
        let major = version.split('.').next().unwrap_or_default();
        if major.parse().unwrap_or(0) < OLDEST {
            return refused(format!(
                "the server has version \"{version}\": adjourn needs Redis {OLDEST} or later, or Valkey"
            ));
        }
        if self.get("role") == "slave" {
            return refused("the server is a replica: adjourn must reach the primary".to_owned());
        }
        match (self.get("cluster_enabled") == "1", is_cluster) {
            (true, false) => {
                return refused(
                    "the server is part of a cluster (cluster-enabled): open the store with \
                     RedisStore::cluster_builder"
                        .to_owned(),
                );
            }
            (false, true) => {
                return refused(
                    "the server is no part of a cluster (cluster-enabled): open the store with \
                     RedisStore::builder"
                        .to_owned(),
                );
            }
            _ => {}
        }
        let policy = self.get("maxmemory_policy");
        if policy != "noeviction" {
            return refused(format!(
                "maxmemory-policy is \"{policy}\": under it the server forgets endings when it is full, and \
                 sessions come back; set maxmemory-policy noeviction"
            ));
        }
        Ok(())
    }

    fn warnings(&self, confirming: Option<u32>) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.get("aof_enabled") != "1" {
            warnings.push(
                "appendonly is off: after a crash the server has forgotten the endings since its last snapshot, \
                 and those sessions are back; set appendonly yes"
                    .to_owned(),
            );
        }
        let replicas: u32 = self.get("connected_slaves").parse().unwrap_or(0);
        match confirming {
            None if replicas > 0 => warnings.push(format!(
                "the server has {replicas} replicas, which follow it asynchronously: a failover may bring back \
                 sessions that had ended just before; RedisStoreBuilder::with_wait confirms endings on replicas"
            )),
            Some(wanted) if replicas < wanted => warnings.push(format!(
                "with_wait: endings are to be confirmed by {wanted} replicas, and {replicas} are connected: none \
                 will be confirmed"
            )),
            _ => {}
        }
        warnings
    }
}

/// Scripts say from this version on that they may run on a server that is full.
const OLDEST: u32 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn server(set: &[(&str, &str)]) -> Server {
        let mut told: Vec<(&str, &str)> = vec![
            ("redis_version", "7.0.15"),
            ("role", "master"),
            ("cluster_enabled", "0"),
            ("maxmemory_policy", "noeviction"),
            ("aof_enabled", "1"),
            ("connected_slaves", "0"),
        ];
        for (name, value) in set {
            told.retain(|(found, _)| found != name);
            told.push((name, value));
        }
        let lines = told
            .iter()
            .map(|(name, value)| format!("{name}:{value}\r\n"));
        Server(format!("# Server\r\n{}", lines.collect::<String>()))
    }

    #[test]
    fn settings_that_lose_endings_are_refused_by_name() {
        server(&[]).judge(false).unwrap();
        server(&[("cluster_enabled", "1")]).judge(true).unwrap();
        server(&[("redis_version", "8.2.1")]).judge(false).unwrap();
        for (name, value, is_cluster, named) in [
            ("redis_version", "6.2.14", false, "Redis 7 or later"),
            ("redis_version", "", false, "Redis 7 or later"),
            ("role", "slave", false, "replica"),
            ("cluster_enabled", "1", false, "RedisStore::cluster_builder"),
            ("cluster_enabled", "0", true, "RedisStore::builder"),
            (
                "maxmemory_policy",
                "allkeys-lru",
                false,
                "set maxmemory-policy noeviction",
            ),
            (
                "maxmemory_policy",
                "",
                false,
                "set maxmemory-policy noeviction",
            ),
        ] {
            let refused = server(&[(name, value)]).judge(is_cluster).unwrap_err();
            assert!(refused.to_string().contains(named), "{refused}");
        }
    }

    /// As `INFO everything` was told by Valkey 8.0.1, the sections that are read.
    const VALKEY: &str = include_str!("info_valkey_8.txt");

    #[test]
    fn valkey_is_judged_by_what_it_tells() {
        let valkey = Server::read(&Value::BulkString(VALKEY.replace('\n', "\r\n").into()));
        assert_eq!(valkey.get("valkey_version"), "8.0.1");
        valkey.judge(false).unwrap();
        let refused = valkey.judge(true).unwrap_err().to_string();
        assert!(refused.contains("no part of a cluster"), "{refused}");
        let warnings = valkey.warnings(None);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("appendonly"), "{warnings:?}");
    }

    #[test]
    fn settings_that_may_lose_endings_are_warned_of_by_name() {
        assert_eq!(server(&[]).warnings(None), Vec::<String>::new());
        let volatile = server(&[("aof_enabled", "0"), ("connected_slaves", "1")]);
        let warnings = volatile.warnings(None);
        assert!(warnings[0].contains("appendonly"), "{warnings:?}");
        assert!(warnings[1].contains("with_wait"), "{warnings:?}");
        assert_eq!(volatile.warnings(Some(1)).len(), 1);
        let warnings = volatile.warnings(Some(2));
        assert!(warnings[1].contains("1 are connected"), "{warnings:?}");
    }
}
