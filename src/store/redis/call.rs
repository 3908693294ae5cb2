//! Calls of scripts: one round trip each, within the time limit, and errors that name the cause.

use super::{
    connection::Connection,
    fault::{is_broken, is_lost, late, named},
    keys::{Keys, Shard},
    link::Link,
    repeat::Recent,
    rows::{Answered, foreign},
    scripts::{Script, Scripts},
    validate::Asked,
    wait::Confirmation,
};
use crate::{
    store::{Answer, Error, Notice, NoticeSender, gather::Gathered, on_tasks},
    time::Clock,
};
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};
use std::{
    fmt::Display,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};
use tokio::{runtime::Handle, time::timeout};

/// What the store shares with the work that it started.
pub(super) struct Inner {
    /// Check-ins of the same moment, to be asked together; where there is one server for all.
    pub(super) check_ins: Gathered<Asked, Result<Answered, Error>>,
    /// Of a test; else the server's time counts.
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) confirmation: Option<Confirmation>,
    pub(super) keys: Arc<Keys>,
    pub(super) limit: Duration,
    pub(super) link: Arc<Link>,
    /// Tells this store's notices from those of others.
    pub(super) node: String,
    pub(super) notices: NoticeSender,
    pub(super) recent: Recent,
    pub(super) runtime: Handle,
    pub(super) scripts: Scripts,
}

/// A script with what it is called with.
pub(super) struct Call<'a> {
    pub(super) script: &'a Script,
    pub(super) keys: Vec<String>,
    pub(super) args: Args,
}

/// Arguments of a script, in order.
#[derive(Clone, Default)]
pub(super) struct Args(Vec<Vec<u8>>);

impl Args {
    pub(super) fn text(self, text: impl Display) -> Self {
        self.bytes(text.to_string())
    }

    pub(super) fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.push(bytes.into());
        self
    }

    /// Empty for nothing.
    pub(super) fn optional(self, text: Option<impl Display>) -> Self {
        self.bytes(text.map(|text| text.to_string()).unwrap_or_default())
    }

    pub(super) fn flag(self, flag: bool) -> Self {
        self.bytes(if flag { "1" } else { "0" })
    }
}

impl Call<'_> {
    fn command(&self, how: &'static str, what: &str) -> Cmd {
        let args = self.keys.iter().map(String::len);
        let args = args.chain(self.args.0.iter().map(Vec::len));
        let mut command = Cmd::with_capacity(
            3 + self.keys.len() + self.args.0.len(),
            how.len() + what.len() + LONGEST_COUNT + args.sum::<usize>(),
        );
        command.arg(how).arg(what).arg(self.keys.len());
        for key in &self.keys {
            command.arg(key);
        }
        for arg in &self.args.0 {
            command.arg(arg.as_slice());
        }
        command
    }

    pub(super) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    /// With its code: a server that was restarted, or never saw it, keeps it from then on.
    pub(super) fn by_code(&self) -> Cmd {
        self.command("EVAL", &self.script.code)
    }

    /// Which node it goes to.
    pub(super) fn route(&self) -> &str {
        self.keys.first().map(String::as_str).unwrap_or_default()
    }

    async fn send(&self, connection: &mut Connection) -> Result<Value, RedisError> {
        match connection.send(self.by_hash(), self.route()).await {
            Err(error) if is_unseen(&error) => {
                Box::pin(connection.send(self.by_code(), self.route())).await
            }
            answered => answered,
        }
    }
}

pub(super) fn is_unseen(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// A server that has not seen a script gets its code once, and not with every call.
async fn send_all(
    connection: &mut Connection,
    calls: &[Call<'_>],
) -> Result<Vec<Result<Value, RedisError>>, RedisError> {
    let by_hash = |call: &Call<'_>| (call.by_hash(), call.route().to_owned());
    let commands = calls.iter().map(by_hash).collect();
    let mut values = connection.send_all(commands).await?;
    loop {
        let unseen = calls.iter().zip(&mut values);
        let mut unseen = unseen.filter(|(_, value)| value.as_ref().is_err_and(is_unseen));
        let Some((call, value)) = unseen.next() else {
            return Ok(values);
        };
        *value = connection.send(call.by_code(), call.route()).await;
        let (calls, places): (Vec<_>, Vec<_>) = unseen.unzip();
        let commands = calls.into_iter().map(by_hash).collect();
        let again = connection.send_all(commands).await?;
        for (place, value) in places.into_iter().zip(again) {
            *place = value;
        }
    }
}

impl Inner {
    pub(super) fn answer<T, F>(&self, operation: &'static str, work: F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        on_tasks::answer(&self.runtime, operation, work)
    }

    /// For a check-in: a script happens as a whole or not at all, whoever waits for its answer, and ends nothing.
    pub(super) fn answer_in_place<T, F>(&self, operation: &'static str, work: F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        on_tasks::answer_in_place(&self.runtime, operation, work)
    }

    /// Of a script that begins with the prelude.
    pub(super) fn call_of<'a>(
        &self,
        script: &'a Script,
        shard: Shard<'_>,
        own_keys: impl IntoIterator<Item = String>,
    ) -> Call<'a> {
        let mut keys = shard.common();
        keys.extend(own_keys);
        let args = Args::default()
            .text(shard.beginning())
            .text(&self.keys.channel)
            .text(&self.node)
            .text(shard.number);
        Call { script, keys, args }
    }

    /// One script, one round trip; once more when the connection turns out to be gone, which every operation can
    /// bear.
    pub(super) async fn call(
        &self,
        operation: &'static str,
        call: Call<'_>,
    ) -> Result<Answered, Error> {
        let value = self.value(operation, call).await?;
        Answered::read(value, operation)
    }

    /// As [`call`](Self::call), of a script that answers for several: each by itself, in their order.
    pub(super) async fn answers(
        &self,
        operation: &'static str,
        call: Call<'_>,
    ) -> Result<Vec<Result<Answered, Error>>, Error> {
        let Value::Array(answers) = self.value(operation, call).await? else {
            return Err(foreign(operation));
        };
        let read = |answer| Answered::read(answer, operation);
        Ok(answers.into_iter().map(read).collect())
    }

    async fn value(&self, operation: &'static str, call: Call<'_>) -> Result<Value, Error> {
        let call = self.dated(call);
        let value = self.within(operation, &self.link, |mut connection| {
            let call = &call;
            async move { call.send(&mut connection).await }
        });
        value.await
    }

    /// As [`call`](Self::call), for what ends sessions: confirmed by replicas where that was asked for. When it fails
    /// nobody here knows whether it happened, and whoever holds sessions must check them.
    pub(super) async fn ending_call(
        &self,
        operation: &'static str,
        call: Call<'_>,
    ) -> Result<Answered, Error> {
        let answered = match &self.confirmation {
            None => self.call(operation, call).await,
            Some(confirmation) => {
                let call = self.dated(call);
                self.confirmed(operation, confirmation, &call).await
            }
        };
        answered.inspect_err(|_| self.notices.send(|| Notice::Gap))
    }

    /// Several calls that end sessions, all or an error.
    pub(super) async fn ending_calls(
        &self,
        operation: &'static str,
        calls: Vec<Call<'_>>,
    ) -> Result<Vec<Answered>, Error> {
        if self.confirmation.is_none() {
            let answered = self.calls(operation, calls).await;
            let answered = answered.and_then(|answers| answers.into_iter().collect());
            return answered.inspect_err(|_| self.notices.send(|| Notice::Gap));
        }
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls {
            answers.push(self.ending_call(operation, call).await?);
        }
        Ok(answers)
    }

    async fn confirmed(
        &self,
        operation: &'static str,
        confirmation: &Confirmation,
        call: &Call<'_>,
    ) -> Result<Answered, Error> {
        let values = self.within(operation, &confirmation.link, |mut connection| async move {
            confirmation.send(&mut connection, call).await
        });
        let (value, replicas) = values.await?;
        confirmation.judge(operation, replicas)?;
        Answered::read(value, operation)
    }

    /// Where a test tells the time, it is the last argument.
    fn dated<'a>(&self, mut call: Call<'a>) -> Call<'a> {
        if let Some(clock) = &self.clock {
            call.args = call.args.text(clock.now().as_unix_millis());
        }
        call
    }

    /// Several at once, each answered by itself, in their order.
    pub(super) async fn calls(
        &self,
        operation: &'static str,
        calls: Vec<Call<'_>>,
    ) -> Result<Vec<Result<Answered, Error>>, Error> {
        let calls: Vec<_> = calls.into_iter().map(|call| self.dated(call)).collect();
        let values = self.within(operation, &self.link, |mut connection| {
            let calls = &calls;
            async move { send_all(&mut connection, calls).await }
        });
        let read = |value: Result<Value, RedisError>| {
            let value = value.map_err(|error| named(operation, &error))?;
            Answered::read(value, operation)
        };
        Ok(values.await?.into_iter().map(read).collect())
    }

    /// Something on a connection, within the time limit.
    ///
    /// What is rare is boxed: a future is moved, and allocated, with all that it might ever wait for.
    pub(super) async fn within<T, W, F>(
        &self,
        operation: &'static str,
        link: &Arc<Link>,
        work: W,
    ) -> Result<T, Error>
    where
        W: Fn(Connection) -> F,
        F: Future<Output = Result<T, RedisError>>,
    {
        let used = AtomicU64::new(0);
        let attempt = || async {
            let (number, connection) = link.connection(operation).await?;
            used.store(number, Ordering::Relaxed);
            let done = work(connection).await;
            match &done {
                Err(error) if is_broken(error) => Box::pin(link.replace(number)).await,
                _ => link.is_well(),
            }
            Ok(done)
        };
        let working = async {
            let first: Result<Result<T, RedisError>, Error> = attempt().await;
            let done = match first? {
                Err(error) if is_lost(&error) => Box::pin(attempt()).await?,
                done => done,
            };
            done.map_err(|error| named(operation, &error))
        };
        let Ok(done) = timeout(self.limit, working).await else {
            Box::pin(link.replace(used.load(Ordering::Relaxed))).await;
            return Err(late(operation, self.limit));
        };
        done
    }
}

/// The digits of the number of keys.
const LONGEST_COUNT: usize = 2;
