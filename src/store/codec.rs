//! How shared stores write what is more than a number or a few bytes: as short JSON texts with a
//! format number, so that an operator can read them and a newer version is recognised.
//!
//! 1. Whatever is read back was written by somebody else: it is parsed, never trusted.
//! 2. An unknown format number, field, reason or initiator is [`Unreadable`]: this version must not
//!    guess what a newer one meant.
//! 3. Values are not written here: they are opaque, and
//!    [`Values::as_packed`](crate::record::Values::as_packed) is their form.

#[cfg(any(feature = "postgres", feature = "redis", test))]
use super::Notice;
#[cfg(any(feature = "sqlite", test))]
use crate::record::{Grants, Values};
use crate::{
    id::{RequestId, SessionId, Subject},
    reason::{Cause, EndReason, Initiator},
    record::{Client, Scope},
    time::Timestamp,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::net::IpAddr;

/// Why something stored cannot be read; never repeats it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("{0} is damaged or foreign")]
    Damaged(&'static str),
    #[error(
        "{what} has format {found}, written by a newer version of adjourn (this one reads {FORMAT}): \
         update this node"
    )]
    Newer { what: &'static str, found: u32 },
}

pub(super) fn cause_to_text(cause: &Cause) -> String {
    to_text(&StoredCause {
        v: FORMAT,
        reason: cause.reason().code().to_owned(),
        by: cause.initiator().code().to_owned(),
        actor: cause.actor().map(|actor| actor.as_str().to_owned()),
        note: cause.note().map(str::to_owned),
        request: cause.request_id().map(ToString::to_string),
    })
}

pub(super) fn cause_from_text(text: &str) -> Result<Cause, Unreadable> {
    const WHAT: &str = "the cause of an ending";
    let damaged = || Unreadable::Damaged(WHAT);
    let stored: StoredCause = from_text(text, WHAT)?;
    let reason = EndReason::from_code(&stored.reason).map_err(|_| damaged())?;
    let initiator = Initiator::from_code(&stored.by).ok_or_else(damaged)?;
    let mut cause = Cause::new(reason).with_initiator(initiator);
    if let Some(actor) = stored.actor {
        cause = cause.with_actor(Subject::new(actor).map_err(|_| damaged())?);
    }
    if let Some(note) = stored.note {
        cause = cause.with_note(&note);
    }
    if let Some(id) = stored.request {
        cause = cause.with_request_id(RequestId::new(id).ok_or_else(damaged)?);
    }
    Ok(cause)
}

pub(super) fn client_to_text(client: &Client) -> String {
    to_text(&StoredClient {
        v: FORMAT,
        address: client.address(),
        agent: client.user_agent().map(str::to_owned),
    })
}

pub(super) fn client_from_text(text: &str) -> Result<Client, Unreadable> {
    let stored: StoredClient = from_text(text, "the client of a session")?;
    Ok(Client::from_stored(stored.address, stored.agent.as_deref()))
}

pub(super) fn scope_to_text(scope: &Scope) -> String {
    let (subject, except, before) = match scope {
        Scope::Everyone { created_before } => (None, None, *created_before),
        Scope::Subject { subject, except } => (Some(subject), *except, None),
    };
    to_text(&StoredScope {
        v: FORMAT,
        subject: subject.map(|subject| subject.as_str().to_owned()),
        except: except.map(|id| id.to_string()),
        created_before: before.map(Timestamp::as_unix_millis),
    })
}

pub(super) fn scope_from_text(text: &str) -> Result<Scope, Unreadable> {
    const WHAT: &str = "the scope of a cut";
    let damaged = || Unreadable::Damaged(WHAT);
    let stored: StoredScope = from_text(text, WHAT)?;
    let except = stored.except.map(|id| id.parse::<SessionId>()).transpose();
    let except = except.map_err(|_| damaged())?;
    match (stored.subject, except, stored.created_before) {
        (Some(subject), except, None) => Ok(Scope::Subject {
            subject: Subject::new(subject).map_err(|_| damaged())?,
            except,
        }),
        (None, None, before) => Ok(Scope::Everyone {
            created_before: before.map(Timestamp::from_unix_millis),
        }),
        (_, _, _) => Err(damaged()),
    }
}

/// What a message between nodes tells, as the scripts and functions of the stores write it: `! <scope>`
/// for a cut, else a reason and the ids that ended for it. `None` for what is not understood.
#[cfg(any(feature = "postgres", feature = "redis", test))]
pub(super) fn notices_from_text(told: &str) -> Option<Vec<Notice>> {
    let (what, rest) = told.split_once(' ')?;
    if what == "!" {
        let scope = scope_from_text(rest).ok()?;
        return Some(vec![Notice::Cut(scope)]);
    }
    let reason = EndReason::from_code(what).ok()?;
    let ids = rest.split(',').map(|id| {
        Some(Notice::Ended {
            id: id.parse().ok()?,
            reason: reason.clone(),
        })
    });
    ids.collect()
}

/// In the form of packed values: each name with eight bytes, big-endian.
#[cfg(any(feature = "sqlite", test))]
pub(super) fn grants_to_packed(grants: &Grants) -> Values {
    let instants: Vec<_> = grants
        .iter()
        .map(|(name, until)| (name, until.as_unix_millis().to_be_bytes()))
        .collect();
    instants
        .iter()
        .map(|(name, until)| (*name, until.as_slice()))
        .collect()
}

#[cfg(any(feature = "sqlite", test))]
pub(super) fn grants_from_packed(packed: &Values) -> Result<Grants, Unreadable> {
    packed
        .iter()
        .map(|(name, until)| {
            let until = until
                .try_into()
                .map_err(|_| Unreadable::Damaged("a grant"))?;
            let until = Timestamp::from_unix_millis(u64::from_be_bytes(until));
            Ok((name.into(), until))
        })
        .collect()
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct StoredCause {
    v: u32,
    reason: String,
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct StoredClient {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct StoredScope {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    except: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_before: Option<u64>,
}

#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

fn to_text(value: &impl Serialize) -> String {
    // Structs of texts and numbers always have a JSON form; an empty text would be refused by every
    // reader.
    serde_json::to_string(value).unwrap_or_default()
}

fn from_text<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, Unreadable> {
    let damaged = |_| Unreadable::Damaged(what);
    let Versioned { v } = serde_json::from_str(text).map_err(damaged)?;
    if v > FORMAT {
        return Err(Unreadable::Newer { what, found: v });
    }
    serde_json::from_str(text).map_err(damaged)
}

/// The format that is written, and the newest that is read.
const FORMAT: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cause() -> Cause {
        Cause::new(EndReason::custom("account-closed").unwrap())
            .with_initiator(Initiator::Risk)
            .with_request_id(RequestId::new("req-7").unwrap())
            .with_actor(Subject::new("admin-3").unwrap())
            .with_note("\0 \u{7528}\"\n")
    }

    #[test]
    fn a_cause_reads_back_whole() {
        for cause in [cause(), EndReason::IdleTimeout.into()] {
            assert_eq!(cause_from_text(&cause_to_text(&cause)), Ok(cause));
        }
        let text = cause_to_text(&EndReason::IdleTimeout.into());
        assert_eq!(text, r#"{"v":1,"reason":"idle-timeout","by":"system"}"#);
        assert!(
            !cause_to_text(&cause()).contains('\0'),
            "no database text holds it"
        );
    }

    #[test]
    fn a_client_reads_back_whole() {
        let hostile = [b'\n'; 300];
        for client in [
            Client::default(),
            Client::new(Some([127, 0, 0, 1].into()), Some(b"agent/1.0")),
            Client::new(None, Some(&hostile)),
        ] {
            assert_eq!(client_from_text(&client_to_text(&client)), Ok(client));
        }
    }

    #[test]
    fn a_scope_reads_back_whole() {
        let subject = Subject::new("b\u{f6}b").unwrap();
        for scope in [
            Scope::Everyone {
                created_before: None,
            },
            Scope::Everyone {
                created_before: Some(Timestamp::from_unix_millis(u64::MAX)),
            },
            Scope::Subject {
                subject: subject.clone(),
                except: Some(SessionId::from_bytes([7; 16])),
            },
            Scope::Subject {
                subject,
                except: None,
            },
        ] {
            assert_eq!(scope_from_text(&scope_to_text(&scope)), Ok(scope));
        }
    }

    #[test]
    fn grants_read_back_whole() {
        let grants = Grants::default()
            .with("b", Timestamp::from_unix_millis(5))
            .with("a", Timestamp::from_unix_millis(u64::MAX));
        let mut found: Vec<_> = grants.iter().collect();
        found.sort_unstable();
        let read = grants_from_packed(&grants_to_packed(&grants)).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), found);
        let short = Values::from_iter([("a", b"1234567".as_slice())]);
        assert_eq!(
            grants_from_packed(&short),
            Err(Unreadable::Damaged("a grant"))
        );
    }

    #[test]
    fn what_a_newer_version_wrote_is_named_and_not_guessed() {
        let newer = cause_from_text(r#"{"v":2,"cause":{"reason":"logout"}}"#).unwrap_err();
        assert!(
            newer.to_string().contains("format 2, written by a newer"),
            "{newer}"
        );
        for foreign in [
            "",
            "null",
            "[]",
            r#"{"reason":"logout","by":"user"}"#,
            r#"{"v":1,"reason":"logout"}"#,
            r#"{"v":1,"reason":"Logout!","by":"user"}"#,
            r#"{"v":1,"reason":"logout","by":"somebody"}"#,
            r#"{"v":1,"reason":"logout","by":"user","extra":1}"#,
            r#"{"v":1,"reason":"logout","by":"user","actor":""}"#,
        ] {
            let damaged = cause_from_text(foreign).unwrap_err();
            assert!(matches!(damaged, Unreadable::Damaged(_)), "{foreign}");
        }
        assert!(scope_from_text(r#"{"v":1,"except":"AAAAAAAAAAAAAAAAAAAAAA"}"#).is_err());
        assert!(client_from_text(r#"{"v":1,"address":"here"}"#).is_err());
    }

    proptest! {
        #[test]
        fn foreign_texts_never_panic(text: String) {
            let _ = (cause_from_text(&text), client_from_text(&text), scope_from_text(&text));
        }
    }

    #[test]
    fn what_is_told_is_understood_and_what_is_foreign_is_not() {
        let id = SessionId::from_bytes([7; 16]);
        let reason = EndReason::Logout;
        let ended = Notice::Ended { id, reason };
        assert_eq!(
            notices_from_text(&format!("logout {id},{id}")),
            Some(vec![ended.clone(), ended])
        );
        let scope = Scope::Everyone {
            created_before: None,
        };
        let told = format!("! {}", scope_to_text(&scope));
        assert_eq!(notices_from_text(&told), Some(vec![Notice::Cut(scope)]));
        for foreign in [
            "",
            "logout",
            "logout ",
            "Logout x",
            "! {}",
            "logout a,b",
            "?? x",
        ] {
            assert_eq!(notices_from_text(foreign), None, "{foreign:?}");
        }
    }
}
