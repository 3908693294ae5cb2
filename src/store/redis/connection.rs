//! A connection to one server or to a cluster, and what is sent over it.

use super::{fault::is_broken, link::SILENCE};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, Pipeline, RedisError,
    Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{
        MultipleNodeRoutingInfo, ResponsePolicy, Route, RoutingInfo, SingleNodeRoutingInfo,
        SlotAddr,
    },
    io::tcp::TcpSettings,
};
use std::time::Duration;
use tokio::task::JoinSet;

/// Where the connection leads.
pub(super) enum Target {
    Cluster(Box<ClusterClient>),
    Node(Client),
}

impl Target {
    pub(super) fn node(server: ConnectionInfo) -> Result<Self, RedisError> {
        Client::open(server).map(Self::Node)
    }

    pub(super) fn cluster(nodes: Vec<ConnectionInfo>, limit: Duration) -> Result<Self, RedisError> {
        let client = ClusterClient::builder(nodes)
            .connection_timeout(limit / 2)
            // Less than the limit: a node that hangs must not hide what the others answered.
            .response_timeout(limit * 3 / 4)
            .tcp_settings(watched())
            .retries(RETRIES)
            .min_retry_wait(10)
            .max_retry_wait(200)
            .build();
        client.map(|client| Self::Cluster(Box::new(client)))
    }

    /// Whether it is reached by TLS; a cluster is reached through addresses that its client keeps to itself.
    pub(super) fn is_tls(&self) -> bool {
        match self {
            Self::Cluster(_) => false,
            Self::Node(client) => {
                let address = client.get_connection_info().addr();
                matches!(address, ConnectionAddr::TcpTls { .. })
            }
        }
    }

    pub(super) async fn connect(&self, limit: Duration) -> Result<Connection, RedisError> {
        match self {
            Self::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
            Self::Node(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(limit / 2))
                    // Who asks has a limit of its own.
                    .set_response_timeout(None);
                let connection = client.get_multiplexed_async_connection_with_config(&config);
                connection.await.map(Connection::Node)
            }
        }
    }
}

/// A machine that is gone without a word is noticed by what it leaves unacknowledged.
fn watched() -> TcpSettings {
    let settings = TcpSettings::default();
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let settings = settings.set_user_timeout(SILENCE);
    settings
}

/// A connection; a copy uses the same one.
#[derive(Clone)]
pub(super) enum Connection {
    Cluster(ClusterConnection),
    Node(MultiplexedConnection),
}

impl Connection {
    /// A command, to the primary that has `key`.
    pub(super) async fn send(&mut self, command: Cmd, key: &str) -> Result<Value, RedisError> {
        match self {
            Self::Cluster(connection) => {
                let route = RoutingInfo::SingleNode(primary_of(key));
                let value = Box::pin(connection.route_command(command, route)).await;
                value.and_then(Value::extract_error)
            }
            Self::Node(connection) => {
                let value = connection.send_packed_command(&command).await;
                value.and_then(Value::extract_error)
            }
        }
    }

    /// Several at once, each to the primary that has its key: on one server in one round trip.
    pub(super) async fn send_all(
        &mut self,
        commands: Vec<(Cmd, String)>,
    ) -> Result<Vec<Result<Value, RedisError>>, RedisError> {
        let count = commands.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        match self {
            Self::Cluster(_) => all_unless_none_is_well(self.send_side_by_side(commands).await),
            Self::Node(connection) => {
                let commands = commands.into_iter().map(|(command, _)| command);
                let values = in_one(commands, |pipeline| async move {
                    connection.req_packed_commands(&pipeline, 0, count).await
                });
                let answers = values.await?.into_iter().map(Value::extract_error);
                let answers: Vec<_> = answers.collect();
                let broken = answers.iter().filter_map(|answer| answer.as_ref().err());
                match broken.clone().find(|error| is_broken(error)) {
                    Some(error) => Err(error.clone()),
                    None => Ok(answers),
                }
            }
        }
    }

    async fn send_side_by_side(
        &self,
        commands: Vec<(Cmd, String)>,
    ) -> Vec<Result<Value, RedisError>> {
        let mut sent = JoinSet::new();
        for (place, (command, key)) in commands.into_iter().enumerate() {
            let mut connection = self.clone();
            sent.spawn(async move { (place, connection.send(command, &key).await) });
        }
        let mut answers = sent.join_all().await;
        answers.sort_unstable_by_key(|(place, _)| *place);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Two commands right after each other, on the primary that has `key`.
    pub(super) async fn send_both(
        &mut self,
        first: Cmd,
        second: Cmd,
        key: &str,
    ) -> Result<[Result<Value, RedisError>; 2], RedisError> {
        let values = in_one([first, second], |pipeline| async move {
            match self {
                Self::Cluster(connection) => {
                    let route = primary_of(key);
                    connection.route_pipeline(pipeline, 0, 2, route).await
                }
                Self::Node(connection) => connection.req_packed_commands(&pipeline, 0, 2).await,
            }
        });
        let values = <[Value; 2]>::try_from(values.await?);
        let values = values.map_err(|_| {
            RedisError::from((redis::ErrorKind::UnexpectedReturnType, "not two answers"))
        })?;
        Ok(values.map(Value::extract_error))
    }

    /// Whether a cluster is not down as a whole.
    pub(super) async fn is_any_primary_well(&self) -> bool {
        let Self::Cluster(connection) = self else {
            return false;
        };
        let any = (
            MultipleNodeRoutingInfo::AllMasters,
            Some(ResponsePolicy::OneSucceeded),
        );
        let asked = connection
            .clone()
            .route_command(redis::cmd("PING"), RoutingInfo::MultiNode(any))
            .await;
        asked.and_then(Value::extract_error).is_ok()
    }

    /// A command to every primary: each answer with the address it came from.
    pub(super) async fn send_to_primaries(&mut self, command: Cmd) -> Result<Value, RedisError> {
        match self {
            Self::Cluster(connection) => {
                let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                let value = connection.route_command(command, all).await;
                value.and_then(Value::extract_error)
            }
            Self::Node(connection) => command.query_async(connection).await,
        }
    }
}

fn all_unless_none_is_well(
    answers: Vec<Result<Value, RedisError>>,
) -> Result<Vec<Result<Value, RedisError>>, RedisError> {
    let is_down = |answer: &Result<Value, RedisError>| answer.as_ref().is_err_and(is_broken);
    match answers.first() {
        Some(Err(error)) if answers.iter().all(is_down) => Err(error.clone()),
        _ => Ok(answers),
    }
}

fn primary_of(key: &str) -> SingleNodeRoutingInfo {
    SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master))
}

async fn in_one<F>(
    commands: impl IntoIterator<Item = Cmd>,
    send: impl FnOnce(Pipeline) -> F,
) -> Result<Vec<Value>, RedisError>
where
    F: Future<Output = Result<Vec<Value>, RedisError>>,
{
    let mut pipeline = redis::pipe();
    for command in commands {
        pipeline.add_command(command);
    }
    send(pipeline).await
}

/// How often a cluster's connection asks again where a key is, or a node that is not ready: until the time limit.
const RETRIES: u32 = 1_000;
