//! A process that serves what the test asks for, line by line, until it is killed.

use crate::{
    node::Node,
    place::Shared,
    point::Point,
    process::{Order, say},
};
use adjourn::{
    Farewell, LiveSession, Session, Sessions,
    id::Subject,
    reason::EndReason,
    session::{LogOutError, StartError},
    terminate::Outcome,
};
use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{Request, StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    sync::watch,
};
use tower::ServiceExt;

/// As an application would have it: a store that is slow is refused.
const LIMIT: Duration = Duration::from_secs(2);

/// So that the work of those that are killed is soon another's.
const LEASE: Duration = Duration::from_secs(3);

pub(crate) async fn serve<P: Shared>(place: P, order: Order) {
    let node = Node {
        folder: &order.folder,
        name: order.id.expect("a name"),
        dies: Point::Anywhere,
        lease: LEASE,
        max_staleness: P::MAX_STALENESS,
        go: watch::channel(true).1,
    };
    let sessions = node.open(&place, place.store(LIMIT).await).await;
    sessions.start();
    let app = Router::new()
        .route("/login/{user}", post(log_in))
        .route("/logout", post(log_out))
        .route("/me", get(|_: LiveSession| async {}))
        .route("/rotate", post(rotate))
        .layer(sessions.layer());
    say("ready");
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let (app, sessions) = (app.clone(), sessions.clone());
        tokio::spawn(async move {
            let (number, order) = line.split_once(' ').unwrap();
            let answer = answer(app, sessions, order).await;
            say(&format!("{number} {answer}"));
        });
    }
}

async fn log_in(session: Session, Path(user): Path<String>) -> Result<String, StartError> {
    Ok(session.log_in(user.as_str()).await?.id().to_string())
}

/// Says when the token was nobody's: a client that comes with one that was replaced twice is shown
/// the way out like everybody, and has ended nothing.
async fn log_out(session: Session) -> Result<Response, LogOutError> {
    let ended = session.log_out().await?;
    if ended.outcome() == Outcome::Unknown {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    Ok(Farewell::from(ended).into_response())
}

async fn rotate(session: LiveSession) {
    session.rotate().unwrap();
}

/// `done` (with what came of it), `no`, or `down` when the store cannot be asked.
async fn answer(app: Router, sessions: Sessions, order: &str) -> String {
    let (what, of) = order.split_once(' ').unwrap();
    let terminator = sessions.terminator();
    let ended = match what {
        "login" => return request(app, "POST", &format!("/login/{of}"), "").await,
        "get" => return request(app, "GET", "/me", of).await,
        "logout" => return request(app, "POST", "/logout", of).await,
        "rotate" => return request(app, "POST", "/rotate", of).await,
        "end" => {
            let ended = terminator.end(of.parse().unwrap(), EndReason::Forced).await;
            ended.map(drop)
        }
        "end-subject" => {
            let subject = Subject::new(of).unwrap();
            let ended = terminator
                .end_subject(&subject, None, EndReason::Policy)
                .await;
            ended.map(|_| ())
        }
        "end-everyone" => {
            let ended = terminator.end_everyone(None, EndReason::Forced).await;
            ended.map(|_| ())
        }
        other => panic!("{other} is not known"),
    };
    String::from(if ended.is_ok() { "done" } else { "down" })
}

async fn request(app: Router, method: &str, path: &str, token: &str) -> String {
    // As a page of the site asks by `fetch`.
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("sec-fetch-site", "same-origin")
        .header("sec-fetch-mode", "cors");
    if !token.is_empty() {
        request = request.header("cookie", format!("__Host-sid={token}"));
    }
    let request = request.body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let (status, token) = (response.status(), new_token(&response));
    let body = axum::body::to_bytes(response.into_body(), 4_096)
        .await
        .unwrap();
    match status {
        StatusCode::SERVICE_UNAVAILABLE => String::from("down"),
        StatusCode::OK => {
            let id = String::from_utf8_lossy(&body);
            format!("done {} {id}", token.unwrap_or_default())
        }
        _ => String::from("no"),
    }
}

fn new_token(response: &Response) -> Option<String> {
    let mut cookies = response.headers().get_all(SET_COOKIE).iter();
    cookies.find_map(|cookie| {
        let (token, _) = cookie
            .to_str()
            .ok()?
            .strip_prefix("__Host-sid=")?
            .split_once(';')?;
        (token.len() == 64).then(|| token.to_owned())
    })
}
