//! Connections that stay open: they end with the session, not when the client feels like it.

use crate::bank::Bank;
use adjourn::{
    LiveSession,
    layer::websocket::{WebSocket, WebSocketUpgrade},
};
use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, close_code},
    },
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use futures_util::{StreamExt, stream};
use std::{convert::Infallible, time::Duration};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// `GET /events`: server-sent events, one a second.
///
/// Nothing here is about sessions: the layer cuts the body of a response that goes on when the
/// session ends, and tells the client by a last event, `session-ended`.
pub(crate) async fn events(_session: LiveSession, State(bank): State<Bank>) -> impl IntoResponse {
    let ticks = stream::unfold((interval(SECOND), 0_u64), |(mut clock, count)| async move {
        clock.tick().await;
        let event = Event::default().event("tick").data(count.to_string());
        Some((Ok::<_, Infallible>(event), (clock, count + 1)))
    });
    // An endless response would keep a server that stops waiting.
    Sse::new(ticks.take_until(bank.closing.cancelled_owned()))
}

/// `GET /ws`: echoes text, and sends a tick each second.
///
/// `WebSocketUpgrade` is adjourn's in place of axum's: it judges which page opens the socket, and
/// when the session ends it takes the socket from [`talk`] and closes it with the reason. To be
/// open, or to be talked to, keeps no session from idling out; `socket.touch()` would.
pub(crate) async fn web_socket(upgrade: WebSocketUpgrade, State(bank): State<Bank>) -> Response {
    upgrade
        .max_message_size(MOST_BYTES)
        .on_upgrade(async move |socket| {
            let conversation = talk(socket, bank.closing);
            // Tells the tracker when it is over, be it that it was cut.
            bank.sockets.track_future(conversation).await;
        })
}

/// Talks until the client goes away or the server stops.
async fn talk(mut socket: WebSocket, closing: CancellationToken) {
    let mut clock = interval(SECOND);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            () = closing.cancelled() => return say_goodbye(socket).await,
            received = socket.recv() => match received {
                Some(Ok(text @ Message::Text(_))) => text,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
            _ = clock.tick() => Message::Text("tick".into()),
        };
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

/// Closes, and gives the client a moment to read why.
async fn say_goodbye(mut socket: WebSocket) {
    let frame = CloseFrame {
        code: close_code::AWAY,
        reason: "the server stops".into(),
    };
    let farewell = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // Too slow: the connection is dropped.
    let _ = timeout(SECOND, farewell).await;
}

const SECOND: Duration = Duration::from_secs(1);
const MOST_BYTES: usize = 64 * 1024;
