use super::*;
use proptest::prelude::*;

fn public(patterns: &[&str]) -> PathRules {
    PathRules::default().with_public(patterns).unwrap()
}

fn sensitive(prefixes: &[&str]) -> PathRules {
    PathRules::default().with_sensitive(prefixes).unwrap()
}

/// Each was answered by some server with what lies below /account.
const SPELLINGS: [&str; 34] = [
    "/account",
    "/account/",
    "/account/s.html",
    "/Account/x",
    "/ACCOUNT",
    "//account/s.html",
    "///account",
    "/account//s.html",
    "/./account/s.html",
    "/././account",
    "/account/./s.html",
    "/x/../account",
    "/account/../account",
    "/%61ccount/s.html",
    "/%61%63%63%6f%75%6e%74",
    "/%41ccount",
    "/account%2Fs.html",
    "/account%2fs.html",
    "/account%5Cs.html",
    "/account\\s.html",
    "\\account",
    "/%2faccount",
    "/%2e/account",
    "/x/%2e%2e/account",
    "/x/..;/account",
    "/account;v=1/x",
    "/account;v=1",
    "/account%3Bv=1/x",
    "/;x/account",
    "/%2561ccount",
    "/account%00",
    "/account%20/s.html",
    "/account./s.html",
    "/accoun%54",
];

#[test]
fn every_spelling_of_a_sensitive_prefix_is_sensitive() {
    let rules = sensitive(&["/account"]);
    for path in SPELLINGS {
        assert!(rules.is_sensitive(path), "{path:?}");
    }
    let unicode = sensitive(&["/konto/stra\u{df}e"]);
    for path in [
        "/konto/stra%C3%9Fe/1",
        "/konto/STRASSE",
        "/%E2%84%AAonto/stra\u{df}e",
    ] {
        assert!(unicode.is_sensitive(path), "{path:?}");
    }
}

#[test]
fn no_spelling_makes_public_what_is_not() {
    let rules = public(&["/", "/login", "/static/*"]);
    for path in SPELLINGS {
        assert!(rules.is_sensitive(path), "{path:?}");
        let below_static = format!("/static/..{path}");
        assert!(rules.is_sensitive(&below_static), "{below_static:?}");
        let encoded = format!("/static/%2e%2e{path}");
        assert!(rules.is_sensitive(&encoded), "{encoded:?}");
    }
}

#[test]
fn what_is_beside_a_sensitive_prefix_is_not() {
    let rules = sensitive(&["/account", "/a/b/"]);
    for path in [
        "/",
        "/accounts",
        "/account-x",
        "/x/account",
        "/a",
        "/a/bc",
        "/a/./c",
        "/login%20page",
        "/docs/%E2%82%AC",
        "/a..b/...c",
        "/q;account",
    ] {
        assert!(!rules.is_sensitive(path), "{path:?}");
    }
    assert!(rules.is_sensitive("/a/b"));
    assert!(rules.is_sensitive("/A/B/c"));
    assert!(sensitive(&["/"]).is_sensitive("/anything"));
}

#[test]
fn what_has_no_normal_form_is_sensitive() {
    let rules = sensitive(&["/account"]);
    for path in [
        "",
        "*",
        "x",
        "%2f",
        "/%",
        "/%2",
        "/%zz",
        "/%u0061",
        "/a%2Fb",
        "/a%5Cb",
        "/a\\b",
        "/%00",
        "/%0d%0a",
        "/\u{7f}",
        "/%25",
        "/%2525",
        "/..",
        "/../x",
        "/a/..",
        "/a/%2e%2e/b",
        "/a/.%2E",
        "/a/...",
        "/a/. ./b",
        "/a/..;x/b",
        "/%ff",
        "/%c0%af",
        "/a%E2%80%8Bb",
        "/a?b",
        "/a#b",
    ] {
        assert!(rules.is_sensitive(path), "{path:?}");
    }
}

#[test]
fn a_public_pattern_matches_what_is_received() {
    let rules = public(&["/", "/login", "/Help/FAQ", "/static/*", "/slash/"]);
    for path in [
        "/",
        "/login",
        "/Help/FAQ",
        "/static/",
        "/static/a/b.css",
        "/static/A%20B.css",
        "/static//a.css",
        "/static/./a.css",
        "/static/a.css;v=1",
        "/static/%E2%82%AC",
        "/slash/",
    ] {
        assert!(!rules.is_sensitive(path), "{path:?}");
    }
    for path in [
        "/Login",
        "/help/faq",
        "/login/",
        "/login;v=1",
        "/%6cogin",
        "//login",
        "//",
        "/.",
        "/static",
        "/Static/a.css",
        "/%73tatic/a.css",
        "/staticx",
        "/slash",
        "/loginx",
    ] {
        assert!(rules.is_sensitive(path), "{path:?}");
    }
}

#[test]
fn a_sensitive_prefix_wins_over_a_public_pattern() {
    let rules = public(&["/*"]).with_sensitive(["/account"]).unwrap();
    assert!(!rules.is_sensitive("/shop"));
    for path in SPELLINGS {
        assert!(rules.is_sensitive(path), "{path:?}");
    }
}

#[test]
fn no_rules_make_nothing_sensitive_and_no_public_pattern_everything() {
    for path in ["/", "/account", "/%zz", ""] {
        assert!(!PathRules::default().is_sensitive(path));
        assert!(public(&[]).is_sensitive(path));
    }
}

#[test]
fn a_pattern_that_cannot_work_is_named() {
    for (pattern, said) in [
        ("", "does not begin with /"),
        ("login", "does not begin with /"),
        ("/a?b", "holds ?, # or %"),
        ("/a#b", "holds ?, # or %"),
        ("/%61", "holds ?, # or %"),
        ("/users/{id}", "placeholder"),
        ("/users/:id", "placeholder"),
        ("/*/a", "may stand only"),
        ("//", "normal form"),
        ("//a", "normal form"),
        ("/a//b", "normal form"),
        ("/./a", "normal form"),
        ("/a/../b", "normal form"),
        ("/a.", "normal form"),
        ("/a;b", "normal form"),
        ("/a\\b", "normal form"),
        ("/a\nb", "normal form"),
        ("/a\u{200b}", "normal form"),
    ] {
        for result in [
            PathRules::default().with_public([pattern]),
            PathRules::default().with_sensitive([pattern]),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.pattern(), pattern);
            let message = error.to_string();
            assert!(message.contains(said), "{message}");
            assert!(message.contains(&format!("{pattern:?}")), "{message}");
        }
    }
    let star = PathRules::default().with_public(["/a*"]).unwrap_err();
    assert!(star.to_string().contains("end it with /*"));
    assert!(PathRules::default().with_public(["/\u{fc}ber"]).is_err());
    assert!(PathRules::default().with_sensitive(["/static/*"]).is_err());
}

/// One segment, spelt in one of the ways that a later reader may undo.
fn respelt(segment: &'static str) -> impl Strategy<Value = String> {
    let letters = prop::collection::vec(0..4_u8, segment.len()).prop_map(move |ways| {
        segment
            .bytes()
            .zip(ways)
            .fold(String::new(), |s, (b, way)| match way {
                0 => s + char::from(b).encode_utf8(&mut [0; 4]),
                1 => s + char::from(b.to_ascii_uppercase()).encode_utf8(&mut [0; 4]),
                2 => format!("{s}%{b:02x}"),
                _ => format!("{s}%{:02X}", b.to_ascii_uppercase()),
            })
    });
    let before = prop::sample::select(&["/", "//", "/./", "/%2e/", "/;/", "/x/../", "/.;y/"][..]);
    let after = prop::sample::select(&["", "", ";v=1", "%3Bv", ".", "%20", " "][..]);
    (before, letters, after)
        .prop_map(|(before, segment, after)| before.to_owned() + &segment + after)
}

proptest! {
    #[test]
    fn any_spelling_of_a_sensitive_path_is_sensitive(
        first in respelt("account"),
        second in respelt("bills"),
        rest in "(/[a-z0-9.%;]{0,6}){0,2}",
    ) {
        let path = first + &second + &rest;
        prop_assert!(sensitive(&["/account/bills"]).is_sensitive(&path), "{:?}", path);
        prop_assert!(public(&["/", "/login", "/x/*"]).is_sensitive(&path), "{:?}", path);
    }

    #[test]
    fn a_plain_path_is_its_own_normal_form(path in "[/a-zA-Z.;% ~-]{0,12}") {
        if is_plain(&path) {
            prop_assert_eq!(normal_form(&path), Some(path.to_ascii_lowercase()));
        }
    }

    #[test]
    fn a_normal_form_is_normal(path in "/?[/a-zA-Z.;%0-9 \u{df}\u{130}\u{212a}-]{0,12}") {
        // Decoded `?` and `#` are characters of a path like others; patterns have neither.
        if let Some(normal) = normal_form(&path).filter(|normal| !normal.contains(['?', '#'])) {
            prop_assert!(is_normal(&normal), "{:?}", normal);
        }
    }

    #[test]
    fn what_matches_a_public_pattern_is_below_it_in_its_normal_form(
        rest in "[/a-zA-Z.;% ~0-9-]{0,12}",
    ) {
        let path = format!("/Static/{rest}");
        if !public(&["/Static/*"]).is_sensitive(&path) {
            let normal = normal_form(&path).unwrap();
            prop_assert!(normal.starts_with("/static/"), "{:?}", normal);
        }
    }

    #[test]
    fn foreign_paths_never_panic(path: String) {
        prop_assert!(public(&["/login"]).is_sensitive(&path));
        let _ = sensitive(&["/\u{fc}ber"]).is_sensitive(&path);
    }
}
