//! What policies say of made-up sessions and requests.

use super::{panel::Panel, *};
use crate::{
    id::{SecretHash, SessionId, Subject, Token},
    policy::RequestFacts,
    reason::EndReason,
    record::{Client, Generation, Grants, Live, RecordParts, Values},
    time::Timestamp,
};
use http::Request;
use proptest::prelude::*;
use std::{net::IpAddr, sync::Arc, time::Duration};

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000); // Thursday 2026-01-01

fn secret_hash() -> SecretHash {
    let id = SessionId::from_bytes([1; SessionId::LEN]);
    Token::new(id).unwrap().secret_hash()
}

/// A session that a client started, whose user logged in a minute before now.
fn live(client: Option<Client>, now: Timestamp) -> Live {
    let at = now.saturating_sub(Duration::from_mins(1));
    let parts = RecordParts {
        secret_hash: secret_hash(),
        previous: None,
        generation: Generation::new(1),
        subject: Some(Subject::new("alice").unwrap()),
        created_at: at,
        authenticated_at: at,
        idle_timeout: None,
        touch_interval: Duration::ZERO,
        absolute_deadline: now.saturating_add(Duration::from_hours(1)),
        revision: 0,
        client: client.map(Arc::new),
        values: Values::default(),
        grants: Grants::default(),
        leave_behind: Values::default(),
    };
    Live {
        id: SessionId::from_bytes([1; SessionId::LEN]),
        record: Arc::new(parts.into()),
        last_seen: at,
        now,
    }
}

fn facts(user_agent: Option<&[u8]>) -> RequestFacts {
    let mut request = Request::get("/");
    if let Some(agent) = user_agent {
        request = request.header("user-agent", agent);
    }
    RequestFacts::of(&request.body(()).unwrap())
}

fn address(text: &str) -> Option<IpAddr> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}

fn binding(
    binding: ClientBinding,
    bound: (&str, Option<&[u8]>),
    now: (&str, Option<&[u8]>),
) -> Verdict {
    let live = live(Some(Client::new(address(bound.0), bound.1)), NOW);
    let facts = facts(now.1);
    binding.judge(&Circumstances::new(&live, &facts, address(now.0)))
}

// R-3-14
#[test]
fn an_address_changes_with_its_network() {
    let usual = ClientBinding::new();
    let exact = usual.with_ipv4_prefix(32).with_ipv6_prefix(128);
    let any = usual.with_ipv4_prefix(0).with_ipv6_prefix(0);
    for (policy, bound, now, changed) in [
        (usual, "192.0.2.7", "192.0.2.200", false),
        (usual, "192.0.2.7", "192.0.3.7", true),
        (usual, "192.0.2.7", "::ffff:192.0.2.9", false),
        (usual, "192.0.2.7", "2001:db8::1", true),
        (usual, "2001:db8::1", "2001:db8::ffff:2", false),
        (usual, "2001:db8::1", "2001:db8:0:1::1", true),
        (usual, "192.0.2.7", "", true),
        (usual, "", "192.0.2.7", false),
        (usual, "", "", false),
        (exact, "192.0.2.7", "192.0.2.8", true),
        (exact, "2001:db8::1", "2001:db8::2", true),
        (exact.with_ipv4_prefix(255), "192.0.2.7", "192.0.2.8", true),
        (any, "192.0.2.7", "203.0.113.9", false),
        (any, "192.0.2.7", "2001:db8::1", true),
        (usual.without_address(), "192.0.2.7", "203.0.113.9", false),
    ] {
        let expected = if changed {
            Verdict::report("address-changed")
        } else {
            Verdict::Keep
        };
        let found = binding(policy, (bound, None), (now, None));
        assert_eq!(found, expected, "{bound} {now}");
    }
}

// R-3-14
#[test]
fn a_user_agent_changes_with_a_byte_that_was_kept() {
    let mut huge = vec![b'x'; 10_000];
    let mut tail = huge.clone();
    tail[9_999] = b'y';
    let mut head = huge.clone();
    head[255] = b'y';
    let changed = Some("user-agent-changed");
    let all: [(Agent<'_>, Agent<'_>, Option<&str>); 9] = [
        (Some(b"curl/8"), Some(b"curl/8"), None),
        (Some(b"curl/8"), Some(b"curl/9"), changed),
        (Some(b"curl/8"), None, changed),
        (None, Some(b"curl/8"), changed),
        (None, None, None),
        (None, Some(b""), changed),
        (Some(b"\xff\xfe"), Some(b"\xff\xfe"), None),
        (Some("日本".as_bytes()), Some("日木".as_bytes()), changed),
        (Some(b""), Some(b""), None),
    ];
    for (bound, now, why) in all {
        let found = binding(ClientBinding::new(), ("", bound), ("", now));
        assert_eq!(found.why(), why, "{bound:?} {now:?}");
    }
    huge.truncate(5_000);
    for (now, why) in [(&tail, None), (&head, changed)] {
        let found = binding(ClientBinding::new(), ("", Some(&huge)), ("", Some(now)));
        assert_eq!(found.why(), why);
    }
}

#[test]
fn when_both_change_the_stricter_consequence_follows_and_both_are_named() {
    let fresh = Consequence::RequireFresh {
        max_age: Duration::ZERO,
    };
    let both = (
        ("192.0.2.7", Some(&b"a"[..])),
        ("203.0.113.9", Some(&b"b"[..])),
    );
    for (address, agent, expected) in [
        (Consequence::Report, Consequence::Report, "report"),
        (Consequence::Report, fresh, "require-fresh"),
        (fresh, Consequence::Report, "require-fresh"),
        (fresh, Consequence::End, "end"),
        (Consequence::End, Consequence::Report, "end"),
    ] {
        let policy = ClientBinding::default()
            .with_address_change(address)
            .with_user_agent_change(agent);
        let found = binding(policy, both.0, both.1);
        assert_eq!(found.code(), expected);
        assert_eq!(found.why(), Some("address-and-user-agent-changed"));
    }
    let nothing = ClientBinding::new().without_address().without_user_agent();
    assert_eq!(binding(nothing, both.0, both.1), Verdict::Keep);
}

#[test]
fn a_session_of_no_known_client_is_not_bound() {
    let (live, facts) = (live(None, NOW), facts(Some(b"curl")));
    let now = Circumstances::new(&live, &facts, address("192.0.2.7"));
    assert_eq!(ClientBinding::new().judge(&now), Verdict::Keep);
}

type Agent<'a> = Option<&'a [u8]>;

/// Minutes after midnight of Monday, 2026-01-05, UTC.
fn monday(minutes: u64) -> Timestamp {
    let monday = NOW.saturating_add(Duration::from_hours(4 * 24));
    monday.saturating_add(Duration::from_mins(minutes))
}

fn hours(text: [&str; 2]) -> AllowedHours {
    AllowedHours::daily(text[0], text[1]).unwrap()
}

#[test]
fn hours_begin_with_their_first_and_end_before_their_last_minute() {
    let day = hours(["07:00", "19:30"]);
    for (minute, allowed) in [
        (0, false),
        (7 * 60 - 1, false),
        (7 * 60, true),
        (19 * 60 + 29, true),
        (19 * 60 + 30, false),
        (24 * 60, false),
    ] {
        assert_eq!(day.allow(monday(minute)), allowed, "{minute}");
    }
    let last = monday(19 * 60 + 30).saturating_sub(Duration::from_millis(1));
    assert!(day.allow(last));
    let always = hours(["00:00", "24:00"]);
    assert!((0..3 * 24 * 60).all(|minute| always.allow(monday(minute))));
    let two = day.and_daily("20:00", "24:00").unwrap();
    assert!(two.allow(monday(23 * 60 + 59)) && !two.allow(monday(19 * 60 + 45)));
}

#[test]
fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
    let night = hours(["22:00", "06:00"]).on([Weekday::Monday]);
    for (minute, allowed) in [
        (5 * 60, false), // began on Sunday
        (22 * 60 - 1, false),
        (22 * 60, true),
        (24 * 60 + 5 * 60, true),
        (24 * 60 + 6 * 60, false),
        (24 * 60 + 22 * 60, false),
        (7 * 24 * 60 + 22 * 60, true),
    ] {
        assert_eq!(night.allow(monday(minute)), allowed, "{minute}");
    }
    let never = hours(["00:00", "24:00"]).on([]);
    assert!((0..7 * 24).all(|hour| !never.allow(monday(hour * 60))));
    let all = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    for (number, day) in all.into_iter().enumerate() {
        let only = hours(["00:00", "24:00"]).on([day]);
        let days: Vec<_> = (0..7).filter(|n| only.allow(monday(n * 24 * 60))).collect();
        assert_eq!(days, [number as u64], "{day:?}");
    }
}

#[test]
fn local_time_is_utc_and_an_offset() {
    let day = || hours(["07:00", "08:00"]);
    for (offset, utc) in [
        ("+01:00", 6 * 60),
        ("-03:30", 10 * 60 + 30),
        ("+00:00", 7 * 60),
    ] {
        let there = day().with_utc_offset(offset).unwrap();
        assert!(there.allow(monday(utc)), "{offset}");
        assert!(!there.allow(monday(utc - 1)), "{offset}");
    }
    // Sunday, 23:00 in Greenwich is Monday far enough east; before 1970 there is nothing to fear.
    let east = hours(["00:00", "24:00"]).on([Weekday::Monday]);
    let east = east.with_utc_offset("+01:00").unwrap();
    assert!(east.allow(monday(0).saturating_sub(Duration::from_hours(1))));
    let west = day().with_utc_offset("-18:00").unwrap();
    assert!(!west.allow(Timestamp::from_unix_millis(0)));
    // Summer time is the application's.
    let summer = day().with_utc_offset_by(|at| if at < monday(24 * 60) { 60 } else { 120 });
    assert!(summer.allow(monday(6 * 60)) && summer.allow(monday(24 * 60 + 5 * 60)));
    for nonsense in [i32::MIN, i32::MAX, 18 * 60 + 1] {
        let none = hours(["00:00", "24:00"]).with_utc_offset_by(move |_| nonsense);
        assert!(!none.allow(monday(0)), "{nonsense}");
    }
}

#[test]
fn what_are_no_hours_is_named() {
    for text in [
        "",
        "7:00",
        "07:60",
        "24:01",
        "25:00",
        "07.00",
        "+7:00",
        "07:00 ",
        "٠٧:٠٠",
    ] {
        let refused = AllowedHours::daily(text, "12:00").unwrap_err().to_string();
        assert!(refused.contains(&format!("{text:?}")), "{refused}");
    }
    assert!(AllowedHours::daily("07:00", "07:00").is_err());
    for text in ["", "1", "01:00", "+1:00", "+18:01", "é01:00", "+25:00", "Z"] {
        assert!(
            hours(["07:00", "08:00"]).with_utc_offset(text).is_err(),
            "{text}"
        );
    }
}

fn judged(verdicts: &[Verdict], live: &Live) -> Judgement {
    let mut panel = Panel::default();
    for verdict in verdicts {
        let verdict = verdict.clone();
        panel.add("policy", move |_: &Circumstances<'_>| verdict.clone());
    }
    panel.judge(&Circumstances::new(live, &facts(None), None))
}

#[test]
fn who_panics_is_reported_and_nothing_is_served_but_an_end_still_ends() {
    let mut panel = Panel::default();
    panel.add("bad", |_: &Circumstances<'_>| -> Verdict {
        panic!("policy")
    });
    panel.add("strict", |_: &Circumstances<'_>| {
        Verdict::require_fresh("x")
    });
    let live = live(None, NOW);
    let facts = facts(None);
    let now = Circumstances::new(&live, &facts, None);
    let judgement = panel.judge(&now);
    assert_eq!(judgement.decision, Decision::Unjudged);
    assert_eq!(judgement.found.len(), 2, "the next one was asked");
    assert_eq!(judgement.found[0], Found::failure("bad", "panicked"));

    panel.add("last", |_: &Circumstances<'_>| Verdict::end("y"));
    let reason = EndReason::Policy;
    assert_eq!(panel.judge(&now).decision, Decision::End { reason });
}

#[test]
fn a_log_in_that_is_recent_enough_satisfies() {
    let live = live(None, NOW);
    let within = |max_age| Verdict::RequireFresh { why: "w", max_age };
    let minute = Duration::from_mins(1);
    let milli = Duration::from_millis(1);
    assert!(judged(&[within(minute + milli)], &live).found.is_empty());
    for max_age in [Duration::ZERO, minute] {
        let judgement = judged(&[within(max_age)], &live);
        assert_eq!(
            judgement.decision,
            Decision::RequireFresh { why: "w", max_age }
        );
    }
    // As old as the session itself is not less than nothing.
    let mut newborn = live;
    newborn.now = newborn.record.authenticated_at();
    assert_eq!(
        judged(&[within(Duration::ZERO)], &newborn).code(),
        "require-fresh"
    );
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Keep),
        Just(Verdict::report("r")),
        (0_u64..3).prop_map(|hours| Verdict::RequireFresh {
            why: "f",
            max_age: Duration::from_secs(hours)
        }),
        Just(Verdict::end("e")),
    ]
}

/// 0 to 3, and stricter for the shorter age.
fn strictness(verdict: &Verdict) -> (u8, u64) {
    match verdict {
        Verdict::Keep | Verdict::Report { .. } => (0, 0),
        Verdict::RequireFresh { max_age, .. } => (1, 10 - max_age.as_secs()),
        Verdict::End { .. } => (2, 0),
    }
}

proptest! {
    #[test]
    fn the_strictest_verdict_wins_whatever_the_order(
        (verdicts, shuffled) in prop::collection::vec(any_verdict(), 0..8)
            .prop_flat_map(|verdicts| (Just(verdicts.clone()), Just(verdicts).prop_shuffle())),
    ) {
        let live = live(None, NOW);
        let (one, other) = (judged(&verdicts, &live), judged(&shuffled, &live));
        prop_assert_eq!(&one.decision, &other.decision);
        prop_assert_eq!(one.code(), other.code());
        let strictest = verdicts.iter().map(strictness).max().unwrap_or_default();
        let expected = match strictest {
            (0, _) => Decision::Keep,
            (1, age) => Decision::RequireFresh { why: "f", max_age: Duration::from_secs(10 - age) },
            _ => Decision::End { reason: EndReason::Policy },
        };
        prop_assert_eq!(one.decision, expected);
        // Everything that was found is told, in order.
        let found: Vec<_> = one.found.iter().map(|found| found.why).collect();
        let said: Vec<_> = verdicts.iter().filter_map(Verdict::why).collect();
        prop_assert_eq!(found, said);
    }

    #[test]
    fn any_instant_is_judged(millis: u64, offset: i32) {
        let hours = hours(["07:00", "19:00"]).with_utc_offset_by(move |_| offset);
        let _allowed = hours.allow(Timestamp::from_unix_millis(millis));
    }
}
