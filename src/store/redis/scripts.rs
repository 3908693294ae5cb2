//! The scripts: each operation is one, and one round trip.

use super::rows::FIELDS;
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
    let fields: Vec<String> = FIELDS
        .iter()
        .map(|(_, field)| format!("'{field}'"))
        .collect();
    let cause = |reason: EndReason| codec::cause_to_text(&reason.into());
    code.replace("@fields@", &fields.join(","))
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

    /// The hot path reads fields by their places.
    #[test]
    fn places_in_the_hot_path_are_those_of_the_fields() {
        let code = include_str!("lua/check_in.lua");
        let fields: Vec<&str> = FIELDS.iter().map(|(_, field)| *field).collect();
        for (name, read) in [
            ("v", "v[1]~='1'"),
            ("s", "v[2]~=ARGV[1]"),
            ("p", "v[3]~=ARGV[1]"),
            ("pu", "tonumber(v[4] or 0)"),
            ("u", "'u'..(v[6] or '')"),
            ("i", "v[9] and tonumber(v[9])"),
            ("l", "v[12]=shown"),
            ("e", "v[18] and tonumber(v[18])"),
            ("q", "not v[23]"),
        ] {
            assert!(code.contains(read), "{read}");
            let place = fields.iter().position(|field| *field == name).unwrap() + 1;
            assert!(
                read.contains(&format!("v[{place}]")),
                "{name} is at {place}"
            );
        }
        let numbers = "tonumber(v[5] or ''),tonumber(v[7] or ''),tonumber(v[10] or ''),tonumber(v[11] or ''),tonumber(v[12] or '')";
        assert!(code.contains(&format!("local g,c,w,a,l={numbers}")));
        let places = [(5, "g"), (7, "c"), (10, "w"), (11, "a"), (12, "l")];
        assert!(
            places
                .iter()
                .all(|(place, name)| fields[place - 1] == *name)
        );
    }
}
