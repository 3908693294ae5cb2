//! The scripts: each operation is one, and one round trip; a check-in may share one.

use super::layout;
use crate::{reason::EndReason, store::codec};

/// A script, and the hash by which a server that has seen it knows it.
pub(super) struct Script {
    pub(super) code: String,
    pub(super) hash: String,
}

impl Script {
    fn new(code: String) -> Self {
        let hash = redis::Script::new(&code).get_hash().to_owned();
        Self { code, hash }
    }
}

macro_rules! scripts {
    ($($name:ident: $flags:expr, $($part:literal)+;)+) => {
        pub(super) struct Scripts {
            $(pub(super) $name: Script,)+
        }

        impl Scripts {
            /// With `now` as the text that tells the time.
            pub(super) fn telling_time_by(now: &str) -> Self {
                Self {
                    $($name: Script::new(format!(
                        "{}\n{}",
                        $flags,
                        fill(concat!($(include_str!(concat!("lua/", $part, ".lua")),)+), now)
                    )),)+
                }
            }

            #[cfg(test)]
            fn all(&self) -> Vec<&Script> {
                vec![$(&self.$name,)+]
            }
        }
    };
}

scripts! {
    begin_log_in: FULL_TOO, "prelude" "begin_log_in";
    check: FULL_TOO, "prelude" "check";
    check_in: FULL_TOO, "check_in";
    claim: FULL_TOO, "prelude" "claim";
    create: WITH_ROOM, "prelude" "create";
    cut: FULL_TOO, "prelude" "cut";
    end: FULL_TOO, "prelude" "end";
    list: FULL_TOO, "prelude" "list";
    page: FULL_TOO, "prelude" "page";
    rotate: FULL_TOO, "prelude" "rotate";
    sweep: FULL_TOO, "prelude" "sweep";
    take_over: FULL_TOO, "prelude" "take_over";
    tombstone: FULL_TOO, "prelude" "tombstone";
    update: WITH_ROOM, "prelude" "update";
}

/// A server that is full must still end sessions, and say which live. A script that says so is refused by
/// replicas, also when it only reads: a replica is behind.
const FULL_TOO: &str = "#!lua flags=allow-oom";
/// What makes the store grow.
const WITH_ROOM: &str = "#!lua";

/// The server's time, in milliseconds.
pub(super) const SERVER_TIME: &str =
    "local t=redis.call('TIME')\nlocal now=t[1]*1000+math.floor(t[2]/1000)";

fn fill(code: &str, now: &str) -> String {
    let cause = |reason: EndReason| codec::cause_to_text(&reason.into());
    layout::fill(code)
        .replace("@idle@", &cause(EndReason::IdleTimeout))
        .replace("@absolute@", &cause(EndReason::AbsoluteTimeout))
        .replace("@lost@", &cause(EndReason::Lost))
        .replace("@now@", now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{record::Tombstone, store::Ticket};

    #[test]
    fn each_script_is_filled_in_and_has_a_name_of_its_own() {
        let scripts = Scripts::telling_time_by(SERVER_TIME);
        let mut hashes = std::collections::HashSet::new();
        for script in scripts.all() {
            assert!(!script.code.contains('@'), "{}", script.code);
            assert!(script.code.contains("redis.call('TIME')"));
            assert!(script.code.starts_with("#!lua"));
            assert!(hashes.insert(&script.hash));
        }
    }

    /// The scripts know the contract's constants by number.
    #[test]
    fn times_in_the_scripts_are_those_of_the_contract() {
        let (ticket, tombstone) = (
            Ticket::LIFETIME.as_millis(),
            Tombstone::MIN_RETENTION.as_millis(),
        );
        let prelude = include_str!("lua/prelude.lua");
        let constants = format!("HOUR,WEEK,LIFETIME={tombstone},604800000,{ticket}");
        assert!(prelude.contains(&constants), "{constants}");
        assert!(include_str!("lua/check_in.lua").contains(&format!("e+{tombstone}")));
    }

    /// The hot path has each field by the name that it has everywhere: that names and places agree is the layout's.
    #[test]
    fn the_hot_path_takes_the_fields_that_it_judges_from_the_layout() {
        let scripts = Scripts::telling_time_by(SERVER_TIME);
        let code = &scripts.check_in.code;
        let taken = "local sound,format,s,p,pu,g,l,c,i,w,a,e,q,u=pcall(struct.unpack,'>c3c32c32i8i8i8i8i8i8i8i8i8I4c0',row)";
        assert!(code.contains(taken), "{code}");
        for judged in [
            "format~='aj\\1'",
            "s~=secret",
            "pu<0 or p~=secret",
            "e>=0 and q<0",
            "'u'..u)",
            "i>=0 and l+i+w<a",
            "now-l>=w",
            "gen<=g",
            "c<(tonumber(before)",
        ] {
            assert!(code.contains(judged), "{judged}");
        }
        assert_eq!(code.matches("SETRANGE").count(), 1);
        assert!(code.contains("is_grace_over and write(key,67,0)"));
        assert!(code.contains("is_touch_due and write(key,83,now)"));
    }
}
