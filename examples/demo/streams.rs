//! Connections that stay open: they end with the session, not when the client feels like it.

use crate::sessions::Bank;
use adjourn::{LiveSession, live::LiveGuard, reason::EndReason};
use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
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
/// A WebSocket is out of the layer's sight after the upgrade, so the handler takes a guard along,
/// which says when the session ends.
pub(crate) async fn web_socket(
    session: LiveSession,
    State(bank): State<Bank>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Taken before the upgrade: an ending from now on is not missed.
    let guard = session.live();
    upgrade
        .max_message_size(MOST_BYTES)
        .on_upgrade(async move |mut socket| {
            let Some(guard) = guard else { return };
            let conversation = async {
                let goodbye = talk(&mut socket, &guard, &bank.closing).await;
                say_goodbye(socket, goodbye).await;
            };
            bank.sockets.track_future(conversation).await;
        })
}

/// Talks until there is a reason to stop; `None` when the client went away.
async fn talk(
    socket: &mut WebSocket,
    guard: &LiveGuard,
    closing: &CancellationToken,
) -> Option<CloseFrame> {
    let mut clock = interval(SECOND);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            // The end of the session first, whatever else there is to do.
            biased;
            reason = guard.ended() => return Some(session_ended(&reason)),
            () = closing.cancelled() => return Some(going_away()),
            received = socket.recv() => match received {
                Some(Ok(text @ Message::Text(_))) => text,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => continue,
            },
            _ = clock.tick() => Message::Text("tick".into()),
        };
        tokio::select! {
            biased;
            // A client that does not read cannot delay it either.
            reason = guard.ended() => return Some(session_ended(&reason)),
            sent = socket.send(message) => if sent.is_err() { return None },
        }
    }
}

/// Closes, and gives the client a moment to read why.
async fn say_goodbye(mut socket: WebSocket, goodbye: Option<CloseFrame>) {
    let Some(frame) = goodbye else { return };
    let farewell = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // Too slow: the connection is dropped.
    let _ = timeout(SECOND, farewell).await;
}

fn session_ended(reason: &EndReason) -> CloseFrame {
    CloseFrame {
        code: SESSION_ENDED,
        reason: reason.code().into(),
    }
}

fn going_away() -> CloseFrame {
    CloseFrame {
        code: close_code::AWAY,
        reason: "the server stops".into(),
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MOST_BYTES: usize = 64 * 1024;

/// "Unauthorized" in the registry of RFC 6455 section 11.7.
const SESSION_ENDED: u16 = 3000;
