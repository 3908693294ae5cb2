use super::*;
use crate::{reason::Cause, record::Generation, time::ManualClock};
use std::net::Ipv4Addr;

struct Set {
    insights: Insights,
    clock: ManualClock,
    told: Arc<Mutex<Vec<Finding>>>,
}

impl Set {
    fn new(limits: InsightLimits) -> Self {
        let clock = ManualClock::default();
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let insights = Insights::new()
            .with_clock(clock.clone())
            .with_limits(limits)
            .on_finding(move |finding| heard.lock().unwrap().push(finding.clone()));
        Self {
            insights,
            clock,
            told,
        }
    }

    fn record(&self, kind: EventKind) {
        self.insights.record(&Event::new(kind, self.clock.now()));
    }

    fn end(&self, reason: EndReason, lived: Duration) {
        self.record(EventKind::Ended {
            cause: Cause::from(reason),
            scope: EndScope::One,
            generation: None,
            lived,
            idle: Duration::ZERO,
            connections_cut: None,
            hooks: 0,
            failed_hooks: Vec::new(),
            redelivered: false,
        });
    }

    fn unknown_token_from(&self, source: impl Into<IpAddr>) {
        let client = Client::new(Some(source.into()), None);
        let event = Event::new(EventKind::UnknownToken, self.clock.now());
        self.insights.record(&event.from(Some(Arc::new(client))));
    }

    fn told(&self) -> Vec<&'static str> {
        self.told
            .lock()
            .unwrap()
            .iter()
            .map(Finding::code)
            .collect()
    }
}

#[test]
fn the_summary_counts_reasons_lengths_and_minutes() {
    let set = Set::new(InsightLimits::default());
    set.record(EventKind::Started);
    set.record(EventKind::Started);
    set.end(EndReason::Logout, Duration::from_mins(1));
    set.clock.advance(Duration::from_mins(2));
    set.end(EndReason::IdleTimeout, Duration::from_secs(61));
    set.end(EndReason::IdleTimeout, Duration::from_hours(48));
    set.record(EventKind::UseAfterEnd {
        cause: EndReason::Logout.into(),
    });
    let summary = set.insights.snapshot();
    assert_eq!(summary.started, 2);
    let ended = [("idle-timeout".to_owned(), 2), ("logout".to_owned(), 1)];
    assert_eq!(summary.ended, ended);
    assert_eq!(summary.lengths[0], (Some(60), 1));
    assert_eq!(summary.lengths[1], (Some(300), 1));
    assert_eq!(summary.lengths[9], (None, 1));
    assert_eq!(summary.use_after_end, 1);
    let minutes: Vec<_> = summary
        .minutes
        .iter()
        .map(|minute| (minute.started, minute.by_user, minute.by_time))
        .collect();
    assert_eq!(minutes, [(2, 1, 0), (0, 0, 0), (0, 0, 2)]);
    assert!(
        serde_json::to_string(&summary)
            .unwrap()
            .contains("\"idle-timeout\"")
    );
}

#[test]
fn a_sudden_mass_of_endings_is_told_once() {
    let limits = InsightLimits::default().with_log_outs_percent(0);
    let set = Set::new(limits);
    for _ in 0..30 {
        set.end(EndReason::Logout, Duration::ZERO);
        set.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(set.told(), [] as [&str; 0]);
    for _ in 0..500 {
        set.end(EndReason::Forced, Duration::ZERO);
    }
    assert_eq!(set.told(), ["many-endings"]);
    set.clock.advance(Duration::from_hours(3));
    for _ in 0..100 {
        set.end(EndReason::Forced, Duration::ZERO);
    }
    assert_eq!(set.told(), ["many-endings", "many-endings"]);
}

#[test]
fn many_endings_are_nothing_unusual_where_they_are_usual() {
    let set = Set::new(InsightLimits::default());
    for _ in 0..60 {
        for _ in 0..50 {
            set.end(EndReason::Logout, Duration::ZERO);
        }
        set.clock.advance(Duration::from_mins(1));
    }
    for _ in 0..400 {
        set.end(EndReason::Logout, Duration::ZERO);
    }
    assert_eq!(set.told(), [] as [&str; 0]);
}

// R-3-13
#[test]
fn one_source_with_many_tokens_is_told_once_and_counted_whatever_the_limits_suppress() {
    let set = Set::new(InsightLimits::default());
    let source = Ipv4Addr::new(192, 0, 2, 7);
    for _ in 0..20 {
        set.unknown_token_from(source);
    }
    let kind = EventKind::EventsSuppressed {
        kind: "unknown-token",
        count: 80,
        sources: 1,
    };
    let client = Arc::new(Client::new(Some(source.into()), None));
    let summary = Event::new(kind, set.clock.now()).from(Some(client));
    set.insights.record(&summary);
    set.insights.record(&summary);
    assert_eq!(set.told(), ["many-tokens"]);
    let snapshot = set.insights.snapshot();
    assert_eq!(snapshot.refused, 180);
    assert_eq!(
        (snapshot.sources[0].source, snapshot.sources[0].count),
        (source.into(), 180)
    );
}

// R-3-13
#[test]
fn tokens_of_ended_sessions_are_counted_apart_for_each_source() {
    let set = Set::new(InsightLimits::default().with_tokens_per_source(10));
    let source = Ipv4Addr::new(192, 0, 2, 7);
    let client = Arc::new(Client::new(Some(source.into()), None));
    for _ in 0..4 {
        set.unknown_token_from(source);
    }
    let cause = || EndReason::Logout.into();
    let event = Event::new(EventKind::UseAfterEnd { cause: cause() }, set.clock.now());
    set.insights.record(&event.from(Some(Arc::clone(&client))));
    let kind = EventKind::EventsSuppressed {
        kind: "use-after-end",
        count: 5,
        sources: 1,
    };
    let event = Event::new(kind, set.clock.now());
    set.insights.record(&event.from(Some(client)));
    let snapshot = set.insights.snapshot();
    let top = &snapshot.sources[0];
    assert_eq!((top.count, top.use_after_end), (10, 6));
    let found = Finding::ManyTokens {
        at_unix_millis: set.clock.now().as_unix_millis(),
        source: source.into(),
        count: 10,
        use_after_end: 6,
    };
    assert_eq!(snapshot.findings, [found]);
}

#[test]
fn a_source_that_made_room_counts_from_nothing() {
    let set = Set::new(InsightLimits::default().with_tokens_per_source(3));
    let least = Ipv4Addr::new(192, 0, 2, 7);
    set.unknown_token_from(least);
    for n in 0..256_u32 {
        set.unknown_token_from(Ipv4Addr::from(n));
        set.unknown_token_from(Ipv4Addr::from(n));
    }
    set.unknown_token_from(least);
    set.unknown_token_from(least);
    assert_eq!(set.told(), [] as [&str; 0], "the first is forgotten");
    set.unknown_token_from(least);
    assert_eq!(set.told(), ["many-tokens"]);
}

#[test]
fn sources_are_bounded_and_one_with_more_than_its_share_is_never_missed() {
    let set = Set::new(InsightLimits::default());
    let busy = Ipv4Addr::new(192, 0, 2, 7);
    for n in 0..50_000_u32 {
        set.unknown_token_from(Ipv4Addr::from(n));
        if n % 50 == 0 {
            set.unknown_token_from(busy);
        }
    }
    let state = set.insights.state.lock().unwrap();
    assert_eq!(state.sources.len(), sources::MOST_SOURCES);
    assert!(state.sources.top().iter().any(|top| top.source == busy));
}

#[test]
fn sessions_that_never_end_by_a_log_out_are_told_of() {
    let set = Set::new(InsightLimits::default());
    for n in 0..400 {
        set.clock.advance(Duration::from_mins(1));
        let reason = if n % 100 == 0 {
            EndReason::Logout
        } else {
            EndReason::IdleTimeout
        };
        set.end(reason, Duration::ZERO);
    }
    assert_eq!(set.told(), ["nobody-logs-out", "nobody-logs-out"]);
}

#[test]
fn ending_everyone_is_told() {
    let set = Set::new(InsightLimits::default());
    set.record(EventKind::CutMade {
        scope: EndScope::Everyone,
        generation: Generation::new(1),
        kept: None,
        cause: EndReason::Forced.into(),
        concluded: 0,
        more_follow: true,
    });
    assert_eq!(set.told(), ["everyone-ended"]);
    assert_eq!(set.insights.snapshot().findings.len(), 1);
}

#[test]
fn a_clock_that_leaps_neither_grows_nor_loses_the_minutes() {
    let set = Set::new(InsightLimits::default());
    let start = set.clock.now();
    set.record(EventKind::Started);
    set.clock
        .set(start.saturating_sub(Duration::from_hours(24)));
    set.record(EventKind::Started);
    assert_eq!(set.insights.snapshot().minutes.len(), 1);
    set.clock
        .set(start.saturating_add(Duration::from_mins(179)));
    let minutes = set.insights.snapshot().minutes;
    assert_eq!((minutes.len(), minutes[0].started), (ring::MINUTES, 2));
    set.clock
        .set(start.saturating_add(Duration::from_hours(24 * 365 * 100)));
    let minutes = set.insights.snapshot().minutes;
    assert_eq!((minutes.len(), minutes[0].started), (1, 0));
    set.clock.set(Timestamp::from_unix_millis(u64::MAX));
    assert_eq!(set.insights.snapshot().minutes.len(), 1);
}

#[test]
fn reasons_of_the_application_are_bounded() {
    let set = Set::new(InsightLimits::default());
    for n in 0..1_000 {
        set.end(
            EndReason::custom(format!("reason-{n}")).unwrap(),
            Duration::ZERO,
        );
    }
    let summary = set.insights.snapshot();
    assert_eq!(summary.ended.len(), MOST_REASONS + 1);
    let counted: u64 = summary.ended.iter().map(|(_, count)| count).sum();
    assert_eq!(counted, 1_000);
}
