//! Log-in and log-out with a browser.

use crate::{
    bank::Bank,
    page::{Page, text},
    users,
};
use adjourn::{
    Farewell, Session,
    id::Subject,
    session::{LogIn, LogOutError, StartError},
};
use axum::{
    Form,
    extract::State,
    http::{StatusCode, header::WWW_AUTHENTICATE},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

/// What the form sends. No `Debug`: there is a password in it.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    username: String,
    password: String,
    remember: Option<String>,
}

/// `GET /login`
pub(crate) async fn form(session: Session) -> Page {
    page(&session, None)
}

/// `POST /login`
pub(crate) async fn log_in(
    session: Session,
    State(bank): State<Bank>,
    Form(given): Form<Credentials>,
) -> Response {
    let remember = given.remember.as_deref() == Some("on");
    match try_log_in(&session, &bank, &given, remember).await {
        // The session cookie is on this response; `Redirect::to` is a 303, so the browser asks for
        // the page with GET. Where to is not for the form to say: with `--return-to`, adjourn knows
        // which page a timeout took from this user.
        Ok(true) => {
            Redirect::to(session.return_to().as_deref().unwrap_or("/account")).into_response()
        }
        Ok(false) => {
            let page = page(&session, Some("The user name or the password is wrong."));
            let challenge = [(WWW_AUTHENTICATE, r#"Cookie realm="session""#)];
            (StatusCode::UNAUTHORIZED, challenge, page).into_response()
        }
        // The password was right, so this is no failed log-in: do not count it as one.
        Err(StartError::LimitReached(limit)) => {
            let problem = format!(
                "You are logged in {} times already, which is the limit. Log out somewhere else \
                 first.",
                limit.max
            );
            (StatusCode::CONFLICT, page(&session, Some(&problem))).into_response()
        }
        Err(StartError::Outdated) => {
            let problem = "Your sessions were ended while you logged in. Please log in again.";
            (StatusCode::CONFLICT, page(&session, Some(problem))).into_response()
        }
        // What is left is nothing that a user can mend: the answer that comes with the crate.
        Err(error) => error.into_response(),
    }
}

/// `POST /logout`
///
/// The route takes only POST, and `log_out` refuses what another site sent. The farewell is made by
/// the layer, to fit the client: a redirect to the signed-out page, or JSON for a program.
pub(crate) async fn log_out(session: Session) -> Result<Farewell, LogOutError> {
    Ok(session.log_out().await?.into())
}

async fn try_log_in(
    session: &Session,
    bank: &Bank,
    given: &Credentials,
    remember: bool,
) -> Result<bool, StartError> {
    let Ok(subject) = Subject::new(given.username.as_str()) else {
        return Ok(false);
    };
    // Before the password is checked: if somebody ends all sessions of this user meanwhile, this
    // log-in is refused instead of surviving that.
    session.begin_log_in(Some(&subject)).await?;
    if !users::are_right(&given.username, &given.password) {
        return Ok(false);
    }
    let mut log_in = LogIn::new(subject);
    if remember {
        log_in = log_in.with_timeouts(bank.remembered.clone());
    }
    // A new session with a new id; the one that this browser had before ends in the same step.
    session.log_in_with(log_in).await?;
    Ok(true)
}

fn page(session: &Session, problem: Option<&str>) -> Page {
    let problem = problem.map_or_else(String::new, |problem| {
        format!("<p class=\"problem\" role=\"alert\">{}</p>", text(problem))
    });
    let main = include_str!("web/log_in.html").replace("{problem}", &problem);
    Page::new("Log in", session.subject().as_ref(), main)
}
