//! Errors of the server and of the connection, by name.

use crate::store::Error;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::time::Duration;

pub(super) fn late(operation: &'static str, limit: Duration) -> Error {
    Error::unavailable(format!("{operation} took longer than {limit:?}"))
}

/// An error of the server as text: the client's may repeat what was sent.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

pub(super) fn named(operation: &str, error: &RedisError) -> Error {
    let unavailable = |what: &str| Error::unavailable(format!("{operation}: {what}"));
    let detail = error.detail().unwrap_or_default();
    let named = match (error.kind(), error.code().unwrap_or_default()) {
        (ErrorKind::AuthenticationFailed, _) | (_, "NOAUTH" | "WRONGPASS") => {
            unavailable("the server refuses the user or the password")
        }
        (ErrorKind::InvalidClientConfig, _) => unavailable(
            "the address cannot be used; one that begins with rediss:// needs a feature of the redis crate \
             in the application, tokio-rustls-comp for one",
        ),
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => {
            unavailable("the server is a replica, or read-only: adjourn must reach the primary")
        }
        (ErrorKind::Server(ServerErrorKind::MasterDown), _) => {
            unavailable("the server is a replica that has lost its primary")
        }
        (ErrorKind::Server(ServerErrorKind::BusyLoading), _) => {
            unavailable("the server is starting and reads its data")
        }
        (ErrorKind::Server(ServerErrorKind::ClusterDown), _) => {
            unavailable("a part of the cluster is down")
        }
        (ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask), _) => unavailable(
            "the server is part of a cluster (cluster-enabled): open the store with RedisStore::cluster_builder",
        ),
        (ErrorKind::Server(ServerErrorKind::TryAgain), _) => {
            unavailable("the keys are on their way to another node of the cluster")
        }
        (ErrorKind::Server(ServerErrorKind::NoPerm), _) => {
            unavailable("the user lacks a permission (ACL)")
        }
        (_, "OOM") => unavailable("the server is full (maxmemory)"),
        (_, "MISCONF") => unavailable(
            "the server cannot write to its disk and refuses writes (stop-writes-on-bgsave-error)",
        ),
        (_, "NOREPLICAS") => unavailable(
            "the server has too few replicas (min-replicas-to-write) and refuses writes",
        ),
        (_, "BUSY") => unavailable("the server is busy with a script"),
        (ErrorKind::Server(ServerErrorKind::ResponseError), _)
            if detail.contains("max number of clients") =>
        {
            unavailable("the server has no connection left (maxclients)")
        }
        (ErrorKind::Server(ServerErrorKind::ResponseError), _) if detail.contains("script: ") => {
            Error::corrupt(format!(
                "{operation}: what a script read is damaged or foreign"
            ))
        }
        (ErrorKind::Server(_) | ErrorKind::Extension, _) => unavailable("the server refused"),
        _ if error.is_timeout() => unavailable("the server does not answer"),
        // The server says why before it closes, but the client has then failed to write.
        _ if is_lost(error) => unavailable(
            "no connection to the server, which closes it: it stops, or has none left (maxclients)",
        ),
        _ => unavailable("no connection to the server"),
    };
    named.with_source(Refusal(error.to_string()))
}

/// Whether the connection is of no use any more, or leads to a server that is.
pub(super) fn is_broken(error: &RedisError) -> bool {
    error.is_unrecoverable_error()
        || error.is_timeout()
        || matches!(
            error.kind(),
            ErrorKind::Io
                | ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown)
        )
}

/// Whether the connection went away under the command: nobody knows whether it was done.
pub(super) fn is_lost(error: &RedisError) -> bool {
    error.is_connection_dropped() && !error.is_connection_refusal()
}

/// As [`named`], where one key was asked for.
pub(super) fn of_key(operation: &str, key: &str, error: &RedisError) -> Error {
    if error.code() == Some("WRONGTYPE") {
        return Error::corrupt(format!(
            "the key {key} is foreign: another application may use the same prefix \
             (RedisStoreBuilder::with_key_prefix)"
        ));
    }
    named(operation, error)
}
