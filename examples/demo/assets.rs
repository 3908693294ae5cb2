//! The files that pages need: styles, scripts, the icon. They belong to nobody, so they may be
//! cached by everybody.

use axum::{
    extract::Path,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};

/// `GET /static/{name}`
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let Some((_, content_type, text)) = FILES.iter().find(|(known, _, _)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, *content_type),
        (CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, *text).into_response()
}

/// Name, content type, content.
const FILES: [(&str, &str, &str); 5] = [
    ("style.css", CSS, include_str!("web/style.css")),
    ("icon.svg", "image/svg+xml", include_str!("web/icon.svg")),
    ("admin.js", SCRIPT, include_str!("web/admin.js")),
    ("connection.js", SCRIPT, include_str!("web/connection.js")),
    ("live.js", SCRIPT, include_str!("web/live.js")),
];

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
