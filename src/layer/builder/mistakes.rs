//! Every mistake in a configuration names the setting, the value and the remedy.

use super::{BuildError, SessionsBuilder};
use crate::{
    carrier::CookieSpec,
    farewell::ClearSiteData,
    id::Subject,
    layer::Sessions,
    policy::{Guessing, RiskCheck, SubjectCheck, SubjectStatus},
    reason::EndReason,
    store::MemoryStore,
    terminate::HookOptions,
};
use std::{collections::BTreeSet, io, time::Duration};

/// What was configured, the setting that is wrong, its value, what to do.
type Mistake = (
    fn(SessionsBuilder) -> SessionsBuilder,
    &'static str,
    &'static str,
    &'static str,
);

const MISTAKES: [Mistake; 37] = [
    (
        |b| b.with_default_close_code(1005),
        "with_default_close_code",
        "1005",
        "use 1000 to 1003",
    ),
    (
        |b| b.with_close_code(EndReason::Logout, 2999),
        "with_close_code",
        "2999",
        "use 1000 to 1003",
    ),
    (
        |b| b.with_cookie(CookieSpec::new("sid")),
        "with_cookie",
        "`sid`",
        "start it with `__Host-`",
    ),
    (
        |b| b.add_cookie_to_clear(CookieSpec::new("__Host-cart").with_path("/shop")),
        "add_cookie_to_clear",
        "`__Host-cart`",
        "choose a name without",
    ),
    (
        |b| b.with_endpoints_at("/"),
        "with_endpoints_at",
        "\"/\"",
        "choose one that begins with",
    ),
    // Patterns are made of it; it is not with_public or add_no_return that is wrong.
    (
        |b| b.with_public(["/login"]).with_endpoints_at("/a*"),
        "with_endpoints_at",
        "\"/a*\"",
        "choose one that begins with",
    ),
    (
        |b| b.with_return_to().with_endpoints_at("/a/{b}"),
        "with_endpoints_at",
        "\"/a/{b}\"",
        "choose one that begins with",
    ),
    (
        |b| b.with_trusted_proxies(["10.0.0.1/8"]),
        "with_trusted_proxies",
        "\"10.0.0.1/8\"",
        "did you mean \"10.0.0.0/8\"?",
    ),
    (
        |b| b.without_cookie(),
        "without_cookie",
        "",
        "add with_bearer()",
    ),
    (
        |b| b.add_no_return(["feed"]),
        "add_no_return",
        "\"feed\"",
        "does not begin with /",
    ),
    (
        |b| b.with_origin("app.example"),
        "with_origin",
        "\"app.example\"",
        "write it as in",
    ),
    (
        |b| b.with_websocket_origins(["https://app.example/x"]),
        "with_websocket_origins",
        "\"https://app.example/x\"",
        "write no more than",
    ),
    (
        |b| b.add_exit_origin("https://idp.example:0"),
        "add_exit_origin",
        "\"https://idp.example:0\"",
        "use 1 to 65535",
    ),
    (
        |b| b.with_log_in_page("https://idp.example/"),
        "with_log_in_page",
        "\"https://idp.example/\"",
        "begin it with exactly one slash",
    ),
    (
        |b| b.with_exit_page(EndReason::Forced, "//evil.example"),
        "with_exit_page",
        "\"//evil.example\"",
        "begin it with exactly one slash",
    ),
    (
        |b| b.with_default_exit_page("bye"),
        "with_default_exit_page",
        "\"bye\"",
        "begin it with exactly one slash",
    ),
    (
        |b| b.with_public(["login"]),
        "with_public",
        "\"login\"",
        "does not begin with /",
    ),
    (
        |b| b.with_public(["/static*"]),
        "with_public",
        "\"/static*\"",
        "end it with /*",
    ),
    (
        |b| b.with_sensitive(["/account/{id}"]),
        "with_sensitive",
        "\"/account/{id}\"",
        "a sensitive prefix covers all below it",
    ),
    (
        |b| b.add_passive(["poll"]),
        "add_passive",
        "\"poll\"",
        "does not begin with /",
    ),
    (
        |b| {
            b.with_return_to()
                .with_clear_site_data(ClearSiteData::site())
        },
        "with_return_to",
        "with_clear_site_data",
        "use ClearSiteData::storage()",
    ),
    (
        |b| b.with_return_to().without_cookie().with_bearer(),
        "with_return_to",
        "without_cookie()",
        "do without one of the two",
    ),
    (
        |b| b.with_risk_check(RiskCheck::new(f64::NAN, score)),
        "with_risk_check",
        "NaN",
        "use a finite number",
    ),
    (
        |b| b.with_scratch_root("/no/such/directory"),
        "with_scratch_root",
        "\"/no/such/directory\"",
        "make it",
    ),
    (
        |b| b.with_public(["/"]).with_log_in_page("/login"),
        "with_log_in_page",
        "\"/login\" needs a live session itself by with_public",
        "add it to with_public",
    ),
    // It is public, too: that was not what is missing.
    (
        |b| {
            b.with_public(["/account/bye"])
                .with_sensitive(["/account"])
                .with_exit_page(EndReason::Forced, "/account/bye")
        },
        "with_exit_page",
        "\"/account/bye\" needs a live session itself by with_sensitive",
        "choose one that with_sensitive does not cover",
    ),
    // Nobody set an exit page: it is that of the endpoints.
    (
        |b| b.with_sensitive(["/session"]),
        "with_endpoints_at",
        "\"/session/signed-out\" needs a live session itself by with_sensitive",
        "choose one that with_sensitive does not cover",
    ),
    (
        |b| b.with_max_staleness(Duration::from_mins(2)),
        "with_max_staleness",
        "120s",
        "at most 60s",
    ),
    (
        |b| b.with_warning(Duration::from_secs(5)),
        "with_warning",
        "5s",
        "at least 20 s",
    ),
    (
        |b| b.with_lease(Duration::ZERO),
        "with_lease",
        "0ns",
        AT_LEAST,
    ),
    (
        |b| b.with_recheck_every(Duration::from_micros(7)),
        "with_recheck_every",
        "7µs",
        AT_LEAST,
    ),
    (
        |b| b.with_max_staleness(Duration::ZERO),
        "with_max_staleness",
        "0ns",
        AT_LEAST,
    ),
    (
        |b| b.with_fresh_log_in_to_end_sessions(Duration::ZERO),
        "with_fresh_log_in_to_end_sessions",
        "0ns",
        AT_LEAST,
    ),
    (
        |b| {
            let options = HookOptions::new().with_time_limit(Duration::ZERO);
            b.on_end_with("files", options, |_| async { Ok::<_, io::Error>(()) })
        },
        "on_end_with",
        "0ns",
        AT_LEAST,
    ),
    (
        |b| b.with_subject_check(SubjectCheck::new(Duration::ZERO, active)),
        "with_subject_check, its interval",
        "0ns",
        AT_LEAST,
    ),
    (
        |b| b.with_risk_check(RiskCheck::new(0.9, score).with_time_limit(Duration::ZERO)),
        "with_risk_check, its with_time_limit",
        "0ns",
        AT_LEAST,
    ),
    (
        |b| b.on_guessing(Guessing::new().with_window(Duration::ZERO), |_| ()),
        "on_guessing, its with_window",
        "0ns",
        AT_LEAST,
    ),
];

const AT_LEAST: &str = "give at least one millisecond";

async fn active(_: Subject) -> Result<SubjectStatus, io::Error> {
    Ok(SubjectStatus::Active)
}

async fn score<F>(_: F) -> Result<f64, io::Error> {
    Ok(0.0)
}

/// One name for each variant: a new one does not compile until it is here.
const fn variant(error: &BuildError) -> &'static str {
    match error {
        BuildError::CloseCode { .. } => "CloseCode",
        BuildError::Cookie { .. } => "Cookie",
        BuildError::Endpoints { .. } => "Endpoints",
        BuildError::Network { .. } => "Network",
        BuildError::NoCarrier => "NoCarrier",
        BuildError::NoReturn(_) => "NoReturn",
        BuildError::Origin { .. } => "Origin",
        BuildError::Page { .. } => "Page",
        BuildError::Pattern { .. } => "Pattern",
        BuildError::ReturnWithCookiesCleared => "ReturnWithCookiesCleared",
        BuildError::ReturnWithoutCookie => "ReturnWithoutCookie",
        BuildError::RiskScore { .. } => "RiskScore",
        BuildError::ScratchRoot { .. } => "ScratchRoot",
        BuildError::SensitivePage { .. } => "SensitivePage",
        BuildError::TooLong { .. } => "TooLong",
        BuildError::Warning { .. } => "Warning",
        BuildError::Zero { .. } => "Zero",
    }
}

const VARIANTS: usize = 17;

#[test]
fn every_mistake_names_its_setting_its_value_and_the_remedy() {
    let mut seen = BTreeSet::new();
    for (configure, setting, value, remedy) in MISTAKES {
        let error = configure(Sessions::builder(MemoryStore::new())).build();
        let error = error.map(drop).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with(&format!("{setting}: ")), "{message}");
        assert!(message.contains(value), "{value}: {message}");
        assert!(message.contains(remedy), "{remedy}: {message}");
        seen.insert(variant(&error));
    }
    assert_eq!(seen.len(), VARIANTS, "{seen:?}");
}

#[test]
fn a_password_in_an_origin_is_not_repeated() {
    let builder = Sessions::builder(MemoryStore::new()).with_origin("https://me:hunter2@a.example");
    let error = builder.build().unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        shown.contains("with_origin") && !shown.contains("hunter2"),
        "{shown}"
    );
}
