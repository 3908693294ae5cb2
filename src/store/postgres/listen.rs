//! What other nodes do, told by `NOTIFY` on a connection of our own.
//!
//! A message arrives when its transaction has committed, in the order of the commits, and none is
//! lost while the connection lasts. When it is lost, or says nothing for so long that it may be
//! dead, what happened meanwhile is not known: a [`Notice::Gap`].

use super::{
    connection::{Inner, late, named},
    schema::SchemaName,
};
use crate::store::{Error, Notice, codec};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// A connection that listens.
pub(super) async fn connect(
    options: &PgConnectOptions,
    schema: &SchemaName,
    limit: Duration,
) -> Result<PgListener, Error> {
    let fault = |error| named("listening", schema, error);
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(limit)
        .connect_lazy_with(options.clone());
    let connecting = async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.ignore_pool_close_event(true);
        listener.listen(&schema.channel()).await?;
        Ok(listener)
    };
    let connected = timeout(limit, connecting).await;
    connected.map_or_else(
        |_| Err(late("listening", limit)),
        |done| done.map_err(fault),
    )
}

/// Listens until the store is gone.
pub(super) async fn listen(inner: Weak<Inner>, listener: PgListener, options: PgConnectOptions) {
    let mut listening = Some(listener);
    let mut pause = SHORTEST_PAUSE;
    loop {
        if let Some(mut listener) = listening.take() {
            follow(&inner, &mut listener).await;
        }
        let Some(inner) = inner.upgrade() else {
            return;
        };
        inner.tell(Notice::Silence);
        match connect(&options, &inner.schema, inner.limit).await {
            Ok(listener) => {
                // Only now: what is told from here on is heard.
                inner.tell(Notice::Gap);
                listening = Some(listener);
                pause = SHORTEST_PAUSE;
            }
            Err(error) => {
                tracing::warn!(target: "adjourn::store", %error, "notices of other nodes are not heard");
                drop(inner);
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Tells what is heard until the connection fails or the store is gone.
async fn follow(inner: &Weak<Inner>, listener: &mut PgListener) {
    loop {
        let heard = timeout(SILENCE, listener.try_recv()).await;
        let Some(inner) = inner.upgrade() else {
            return;
        };
        match heard {
            Ok(Ok(Some(notification))) => hear(&inner, notification.payload()),
            Err(_) if is_alive(&inner, listener).await => {}
            Ok(Ok(None) | Err(_)) | Err(_) => return,
        }
    }
}

/// Asked after a silence: a connection whose other end is gone says nothing for hours.
async fn is_alive(inner: &Arc<Inner>, listener: &mut PgListener) -> bool {
    let asked = timeout(inner.limit, sqlx::query("select 1").execute(listener)).await;
    matches!(asked, Ok(Ok(_)))
}

fn hear(inner: &Inner, payload: &str) {
    let Some((node, rest)) = payload.split_once(' ') else {
        return inner.tell(Notice::Gap);
    };
    if node == inner.node {
        return;
    }
    match codec::notices_from_text(rest) {
        Some(notices) => notices.into_iter().for_each(|notice| inner.tell(notice)),
        // Of a newer version, or foreign: something happened.
        None => inner.tell(Notice::Gap),
    }
}

/// How long the connection may say nothing before it is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(10);

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
