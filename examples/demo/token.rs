//! Log-in and log-out of programs: a bearer token instead of a cookie.
//!
//! ```sh
//! TOKEN=$(curl -sd 'username=alice&password=wonderland' http://localhost:3000/api/token | cut -d '"' -f 4)
//! curl -s -H "Authorization: Bearer $TOKEN" http://localhost:3000/api/me
//! curl -s -X POST -H "Authorization: Bearer $TOKEN" http://localhost:3000/api/token/end
//! ```

use crate::users;
use adjourn::{
    Farewell, LiveSession, Session,
    id::{Subject, Token},
    session::{LogIn, LogOutError, StartError},
};
use axum::{
    Form, Json,
    extract::{FromRequest, Request},
    http::{StatusCode, header::CONTENT_TYPE, header::WWW_AUTHENTICATE},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
pub(crate) struct Credentials {
    username: String,
    password: String,
}

/// `POST /api/token`
pub(crate) async fn issue(
    session: Session,
    JsonOrForm(given): JsonOrForm,
) -> Result<Response, StartError> {
    let subject = Subject::new(given.username.as_str());
    // Before the password is checked, as in `log_in`.
    session.begin_log_in(subject.as_ref().ok()).await?;
    let (Ok(subject), true) = (subject, users::are_right(&given.username, &given.password)) else {
        let challenge = [(WWW_AUTHENTICATE, r#"Bearer realm="session""#)];
        let error = json!({ "error": "the user name or the password is wrong" });
        return Ok((StatusCode::UNAUTHORIZED, challenge, Json(error)).into_response());
    };
    let logged_in = session.log_in_with(LogIn::new(subject).bearer()).await?;
    // The one time that the token is seen: the store keeps a hash of it.
    let token = logged_in.token().map(Token::expose);
    Ok(Json(json!({ "token": token.as_deref(), "token_type": "Bearer" })).into_response())
}

/// `POST /api/token/end`
pub(crate) async fn end(session: LiveSession) -> Result<Farewell, LogOutError> {
    Ok(session.log_out().await?.into())
}

/// The credentials as JSON or as a form, whichever the content type says.
pub(crate) struct JsonOrForm(Credentials);

impl<S: Send + Sync> FromRequest<S> for JsonOrForm {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let content_type = request.headers().get(CONTENT_TYPE);
        let is_json = content_type.is_some_and(|ty| ty.as_bytes().starts_with(b"application/json"));
        if is_json {
            let Json(given) = Json::from_request(request, state)
                .await
                .map_err(IntoResponse::into_response)?;
            return Ok(Self(given));
        }
        let Form(given) = Form::from_request(request, state)
            .await
            .map_err(IntoResponse::into_response)?;
        Ok(Self(given))
    }
}
