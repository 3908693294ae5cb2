//! How this application uses adjourn: everything that is configured stands here.

use crate::{
    bank::Bank,
    exits,
    feed::Feed,
    flags::{AuditFile, Flags, WrongFlag, wrong},
    store::sessions_in,
};
use adjourn::{
    BuildError, SessionsBuilder,
    audit::{Finding, Insights, JsonLines, Queue},
    carrier::CookieSpec,
    policy::{Timeouts, TimeoutsError},
};
use std::{io, time::Duration};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) async fn bank(flags: &Flags) -> Result<Bank, WrongFlag> {
    // What the administrator sees of how sessions go: a summary with alarms, and the last events.
    let insights = Insights::new().on_finding(|finding: &Finding| {
        tracing::warn!(finding = finding.code(), "unusual");
    });
    let feed = Feed::default();
    let mut builder = sessions_in(&flags.store)
        .await?
        .with_timeouts(flags.timeouts.clone())
        // Every other path needs a live session, also those that are added next year. `/logout`
        // is public because a second click on "Log out" is no mistake; it judges its requests
        // itself. `/api/token` is a log-in. `/session/*`, the endpoints, are public by themselves.
        .with_public([
            "/",
            "/help",
            "/login",
            "/logout",
            "/api/token",
            "/debug/live",
        ])
        .with_log_in_page("/login")
        // For `/session/sessions/*`; the routes of `my_sessions` ask for the same.
        .with_fresh_log_in_to_end_sessions(flags.fresh)
        // Programs present their token in a header instead of the cookie: see `token`.
        .with_bearer()
        .add_audit_sink(insights.clone())
        .add_audit_sink(feed.clone());
    if let Some(limit) = flags.limit {
        builder = builder.with_limit(limit);
    }
    if let Some(max) = flags.max_staleness {
        builder = builder.with_max_staleness(max);
    }
    if let Some(folder) = &flags.scratch {
        builder = builder.with_scratch_root(folder);
    }
    if let Some(file) = &flags.audit {
        builder =
            builder.add_audit_sink(trail(file, flags).map_err(|error| wrong("--audit", error))?);
    }
    let sessions = for_browsers(builder, flags).build().map_err(not_built)?;
    Ok(Bank {
        // Room for the rights of everybody who is logged in at once.
        rights: sessions.local(10_000),
        sessions,
        usual: flags.timeouts.clone(),
        remembered: remembered(&flags.timeouts).map_err(|error| wrong("--idle", error))?,
        warning: flags.warning,
        limit: flags.limit,
        fresh: flags.fresh,
        node: flags.node.clone(),
        scratch: flags.scratch.clone(),
        insights,
        feed,
        closing: CancellationToken::new(),
        sockets: TaskTracker::new(),
    })
}

/// What a browser is told, and what it keeps.
fn for_browsers(builder: SessionsBuilder, flags: &Flags) -> SessionsBuilder {
    let mut builder = builder
        .with_warning(flags.warning)
        // The application's own cookies go with the session. A browser removes a cookie only if
        // its path is the one with which it was set: see `account`.
        .add_cookie_to_clear(CookieSpec::new("theme"))
        .add_cookie_to_clear(CookieSpec::new("acct_view").with_path("/account"))
        // And what scripts stored; on a shared computer more than that.
        .with_clear_site_data(flags.clear)
        // For browsers that keep account of where somebody is logged in.
        .with_login_status();
    for texts in exits::texts() {
        builder = builder.add_exit_texts(texts);
    }
    if flags.return_to {
        // Only to pages: what stays open or answers programs is no place for a person.
        builder = builder.with_return_to().add_no_return([
            "/api",
            "/admin/api",
            "/admin/events",
            "/events",
            "/ws",
        ]);
    }
    builder
}

/// A file that the security team's tools read. While it cannot be written nobody can log in, so
/// that nothing happens unseen; ending a session is always possible.
fn trail(file: &AuditFile, flags: &Flags) -> io::Result<Queue> {
    let mut lines = JsonLines::at(&file.path)
        .with_format(file.format)
        .with_service("fernhill-bank");
    if let Some(node) = &flags.node {
        lines = lines.with_host(node);
    }
    Queue::builder(lines.open()?).with_fail_closed().start()
}

/// "Remember me" lasts longer, but it ends: there is no session for ever.
fn remembered(usual: &Timeouts) -> Result<Timeouts, TimeoutsError> {
    let absolute = usual.absolute().max(Duration::from_hours(30 * 24));
    let idle = usual
        .idle()
        .map(|idle| idle.max(Duration::from_hours(7 * 24)));
    usual.clone().with_absolute(absolute)?.with_idle(idle)
}

/// Most of what can be wrong stands in this file; the rest was said on the command line.
fn not_built(error: BuildError) -> WrongFlag {
    let flag = match error {
        BuildError::ReturnWithCookiesCleared => "--return-to",
        BuildError::ScratchRoot { .. } => "--scratch",
        BuildError::TooLong {
            setting: "with_max_staleness",
            ..
        } => "--max-staleness",
        BuildError::Warning { .. } => "--warn",
        _ => "the demo itself",
    };
    wrong(flag, error)
}
