//! An audit trail for a security team: OCSF in a file with a chain of hashes, kept by a queue that
//! refuses log-ins while it cannot be written, and a summary that tells of what is unusual.
//!
//! ```text
//! cargo run --example audit_jsonl
//! ```
//!
//! It plays two users, checks the file, then changes a line of it and checks again.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use adjourn::{
    Farewell, Session, Sessions,
    audit::{Finding, Format, Fsync, Insights, JsonLines, Queue, Rotation, verify},
    reason::{Cause, EndReason},
    session::{LogOutError, StartError},
    store::MemoryStore,
};
use axum::{Router, body::Body, extract::Path, routing::post};
use http::{Request, header};
use std::{env, error::Error, fs, process, time::Duration};
use tower::ServiceExt;

async fn log_in(session: Session, Path(user): Path<String>) -> Result<String, StartError> {
    let receipt = session.log_in(user).await?; // after checking the password
    Ok(receipt.id().to_string())
}

async fn log_out(session: Session) -> Result<Farewell, LogOutError> {
    Ok(session.log_out().await?.into())
}

/// Sends one request with a cookie, and answers the cookie that comes back.
async fn send(app: &Router, path: &str, cookie: &str) -> Result<String, Box<dyn Error>> {
    let request = Request::post(path)
        .header(header::COOKIE, cookie)
        .header("sec-fetch-site", "same-origin")
        .header(header::USER_AGENT, "example/1.0")
        .body(Body::empty())?;
    let response = app.clone().oneshot(request).await?;
    let set = response.headers().get(header::SET_COOKIE);
    let set = set.map_or(Ok(""), |value| value.to_str())?;
    Ok(set.split(';').next().unwrap_or_default().to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("adjourn-audit-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let path = folder.join("audit.jsonl");

    let file = JsonLines::at(&path)
        .with_format(Format::Ocsf)
        .with_service("shop")
        .with_rotation(Rotation {
            max_bytes: 50_000_000,
            keep: 20,
        })
        .with_fsync(Fsync::EachBatch)
        .with_chain()
        .open()?;
    let queue = Queue::builder(file).with_fail_closed().start()?;
    let insights = Insights::new().on_finding(|finding: &Finding| {
        println!("unusual: {}", finding.code());
    });

    let sessions = Sessions::builder(MemoryStore::new())
        .with_public(["/log-in/*", "/log-out"])
        .add_audit_sink(queue.clone())
        .add_audit_sink(insights.clone())
        .build()?;
    let app = Router::new()
        .route("/log-in/{user}", post(log_in))
        .route("/log-out", post(log_out))
        .layer(sessions.layer());

    let alice = send(&app, "/log-in/alice", "").await?;
    send(&app, "/log-in/bob", "").await?;
    send(&app, "/log-out", &alice).await?;
    send(&app, "/log-out", &alice).await?; // a dead token: use after end
    let cause = Cause::from(EndReason::Forced).with_note("maintenance");
    let ended = sessions.terminator().end_everyone(None, cause).await?;
    println!("ended by the administrator: {}", ended.concluded());

    // Waits until every event is in the file.
    let _left = sessions.shutdown().await;
    queue.close(Duration::from_secs(5)).await?;
    println!("{:?}", queue.stats());
    println!(
        "how sessions ended: {}",
        serde_json::to_string(&insights.snapshot().ended)?
    );

    let text = fs::read_to_string(&path)?;
    for line in text.lines() {
        println!("{line}");
    }
    println!("intact: {}", verify(text.as_bytes())?.is_intact());
    let changed = text.replace("alice", "mallory");
    println!("changed: {:?}", verify(changed.as_bytes())?.faults);

    fs::remove_dir_all(folder)?;
    Ok(())
}
