use super::*;

const HOUR: Duration = Duration::from_hours(1);

fn message(result: Result<Timeouts, TimeoutsError>) -> String {
    result.unwrap_err().to_string()
}

// R-1-1
#[test]
fn impossible_values_name_the_setting_and_the_numbers() {
    let day = 24 * HOUR;
    let base = Timeouts::default;
    for (result, said) in [
        (
            Timeouts::new(None, Duration::ZERO),
            "the absolute timeout of 0 s",
        ),
        (
            Timeouts::new(Duration::ZERO, HOUR),
            "the idle timeout of 0 s",
        ),
        (
            Timeouts::new(None, 401 * day),
            "of 401 d is too long: choose at most 400 d",
        ),
        (Timeouts::new(None, Duration::MAX), "is too long"),
        (
            Timeouts::new(2 * HOUR, HOUR),
            "idle timeout of 2 h is longer than the absolute timeout of 1 h",
        ),
        (
            base().with_absolute(Duration::from_mins(1)),
            "idle timeout of 15 min is longer",
        ),
        (
            base().with_idle(Duration::from_nanos(1)),
            "of 1 ns is not in whole milliseconds",
        ),
        (
            base().with_absolute(Duration::from_micros(9)),
            "absolute timeout of 9000 ns",
        ),
        (
            base().with_touch_interval(Duration::from_mins(15)),
            "touch interval of 15 min is not shorter than the timeout of 15 min",
        ),
        (
            base().with_touch_interval(Duration::from_micros(1)),
            "touch interval of 1000 ns",
        ),
        (base().with_deviation(" "), "with_deviation needs a reason"),
    ] {
        let message = message(result);
        assert!(message.contains(said), "{message:?} lacks {said:?}");
    }
    assert!(Timeouts::new(HOUR, HOUR).is_ok());
    assert!(Timeouts::new(None, 400 * day).is_ok());
    assert!(base().with_touch_interval(Duration::ZERO).is_ok());
}

// R-4-1
#[test]
fn aal1_has_thirty_days_and_no_idle_timeout() {
    let aal1 = Timeouts::aal1();
    assert_eq!((aal1.absolute(), aal1.idle()), (30 * 24 * HOUR, None));
    assert!(aal1.clone().with_idle(48 * HOUR).is_ok());
    assert!(
        message(aal1.clone().with_absolute(31 * 24 * HOUR))
            .contains("31 d is beyond the 30 d that AAL1")
    );
    let excused = aal1.with_deviation("kiosk").unwrap();
    assert!(excused.with_absolute(31 * 24 * HOUR).is_ok());
}

// R-4-2
#[test]
fn aal2_has_a_day_and_an_hour() {
    let aal2 = Timeouts::aal2();
    assert_eq!((aal2.absolute(), aal2.idle()), (24 * HOUR, Some(HOUR)));
    assert!(message(aal2.clone().with_absolute(25 * HOUR)).contains("absolute timeout: 25 h"));
    assert!(
        message(aal2.clone().with_idle(2 * HOUR)).contains("idle timeout: 2 h is beyond the 1 h")
    );
    assert!(message(aal2.clone().with_idle(None)).contains("idle timeout: none is beyond the 1 h"));
    let excused = aal2.with_deviation("offline work").unwrap();
    assert!(excused.clone().with_absolute(25 * HOUR).is_ok());
    assert!(excused.with_idle(None).is_ok());
}

// R-4-3
#[test]
fn aal3_never_exceeds_twelve_hours() {
    let aal3 = Timeouts::aal3();
    let quarter = Duration::from_mins(15);
    assert_eq!((aal3.absolute(), aal3.idle()), (12 * HOUR, Some(quarter)));
    let over = 12 * HOUR + Duration::from_secs(1);
    let excused = aal3.clone().with_deviation("control room").unwrap();
    assert!(aal3.clone().with_idle(HOUR).is_err());
    assert!(excused.clone().with_idle(HOUR).is_ok());
    for timeouts in [aal3, excused] {
        assert!(message(timeouts.with_absolute(over)).contains("12 h 1 s is forbidden at AAL3"));
    }
}

#[test]
fn a_standards_figure_is_never_exceeded_by_the_touch_interval() {
    let minute = Duration::from_mins(1);
    let own = Timeouts::new(HOUR, 8 * HOUR).unwrap();
    assert_eq!(own.stored_idle(minute), Some(HOUR));
    assert_eq!(Timeouts::aal2().stored_idle(minute), Some(59 * minute));
    assert_eq!(Timeouts::aal2().stored_idle(HOUR), Some(MILLISECOND));
    assert_eq!(Timeouts::aal1().stored_idle(minute), None);
}

#[test]
fn questionable_values_are_named_until_a_reason_is_on_record() {
    assert!(Timeouts::default().warnings().is_empty());
    assert!(Timeouts::aal2().warnings().is_empty());
    let loose = Timeouts::new(2 * HOUR, 48 * HOUR).unwrap();
    let warnings = loose.warnings();
    assert!(
        warnings[0].starts_with("the idle timeout is 2 h:"),
        "{warnings:?}"
    );
    assert!(
        warnings[1].starts_with("the absolute timeout is 2 d:"),
        "{warnings:?}"
    );
    let none = Timeouts::aal1().warnings();
    assert!(none[0].contains("for up to 30 d"), "{none:?}");
    assert!(loose.with_deviation("kiosk").unwrap().warnings().is_empty());
}
