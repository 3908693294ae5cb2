//! Errors of the server and of the connection, by name.

use crate::store::Error;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::{
    error::{self, Error as _},
    io,
    sync::Arc,
    time::Duration,
};

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
        _ => unavailable(of_connection(error)),
    };
    named.with_source(Refusal(error.to_string()))
}

fn of_connection(error: &RedisError) -> &'static str {
    if error.is_timeout() {
        return "the server does not answer";
    }
    if is_bad_handshake(error) {
        return "no TLS connection to the server: its certificate is not trusted, or is for another name";
    }
    // The server says why before it closes, but the client has then failed to write.
    if is_lost(error) {
        return "no connection to the server, which closes it: it stops, has none left (maxclients), or expects TLS \
                (rediss://)";
    }
    "no connection to the server"
}

/// As [`named`], where a connection over TLS was to be made: a server that does not speak it waits for the end of a line.
pub(super) fn named_over_tls(operation: &str, error: &RedisError) -> Error {
    if !error.is_timeout() {
        return named(operation, error);
    }
    Error::unavailable(format!(
        "{operation}: the server does not answer over TLS (rediss://): is this its port for TLS (tls-port)?"
    ))
    .with_source(Refusal(error.to_string()))
}

/// Whether the two sides of a TLS connection do not agree.
fn is_bad_handshake(error: &RedisError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref());
    let io = source.and_then(|shared: &Arc<dyn error::Error + Send + Sync>| shared.downcast_ref());
    io.is_some_and(|io: &io::Error| io.kind() == io::ErrorKind::InvalidData)
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
