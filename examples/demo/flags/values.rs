//! What the values of flags look like.

use super::{Store, WrongFlag, wrong};
use adjourn::{
    audit::Format,
    farewell::ClearSiteData,
    store::{AtLimit, Limit},
};
use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

pub(super) fn address(flag: &str, value: &str) -> Result<SocketAddr, WrongFlag> {
    value.parse().map_err(|_| {
        let why = format!("\"{value}\" is no address with a port, such as 127.0.0.1:3000");
        wrong(flag, why)
    })
}

pub(super) fn duration(flag: &str, value: &str) -> Result<Duration, WrongFlag> {
    let unit_at = value.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = value.split_at(unit_at.unwrap_or(value.len()));
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    number
        .parse::<u64>()
        .ok()
        .zip(millis)
        .and_then(|(number, millis)| number.checked_mul(millis))
        .map(Duration::from_millis)
        .ok_or_else(|| {
            let why = format!("\"{value}\" is no time, such as 500ms, 3s, 15m or 8h");
            wrong(flag, why)
        })
}

pub(super) fn max_sessions(flag: &str, value: &str) -> Result<Limit, WrongFlag> {
    let parse = || {
        let (max, at_limit) = value.split_once(':')?;
        Some(Limit {
            max: max.parse::<NonZeroU32>().ok()?,
            at_limit: match at_limit {
                "end-oldest" => AtLimit::EndOldest,
                "refuse" => AtLimit::RefuseNew,
                _ => return None,
            },
        })
    };
    parse().ok_or_else(|| {
        let why = format!("\"{value}\" is no limit, such as 2:end-oldest or 2:refuse");
        wrong(flag, why)
    })
}

pub(super) fn clear(flag: &str, value: &str) -> Result<ClearSiteData, WrongFlag> {
    match value {
        "storage" => Ok(ClearSiteData::storage()),
        "site" => Ok(ClearSiteData::site()),
        "kiosk" => Ok(ClearSiteData::kiosk()),
        other => {
            let why = format!("nothing is called \"{other}\"; there are: storage, site, kiosk");
            Err(wrong(flag, why))
        }
    }
}

pub(super) fn format(flag: &str, value: &str) -> Result<Format, WrongFlag> {
    match value {
        "native" => Ok(Format::Native),
        "ocsf" => Ok(Format::Ocsf),
        "owasp" => Ok(Format::Owasp),
        other => {
            let why = format!("there is no format \"{other}\"; there are: ocsf, owasp, native");
            Err(wrong(flag, why))
        }
    }
}

pub(super) fn store(flag: &str, value: &str) -> Result<Store, WrongFlag> {
    let (kind, rest) = value.split_once(':').unwrap_or((value, ""));
    let (store, feature, is_built) = match kind {
        "memory" if value == kind => return Ok(Store::Memory),
        "postgres" | "postgresql" => (
            Store::Postgres(value.to_owned()),
            "postgres",
            cfg!(feature = "postgres"),
        ),
        "redis" | "rediss" => (
            Store::Redis(value.to_owned()),
            "redis",
            cfg!(feature = "redis"),
        ),
        "sqlite" if !rest.is_empty() => (
            Store::Sqlite(rest.to_owned()),
            "sqlite",
            cfg!(feature = "sqlite"),
        ),
        // Not the whole value: there may be a password in it.
        _ => {
            let why = format!(
                "\"{kind}\" is no store with its place; there are: memory, sqlite:FILE, \
                 redis://HOST, postgres://USER:PASSWORD@HOST/DATABASE"
            );
            return Err(wrong(flag, why));
        }
    };
    if !is_built {
        let why = format!(
            "the demo was built without this store: cargo run --example demo --features {feature} \
             -- --store {kind}:..."
        );
        return Err(wrong(flag, why));
    }
    Ok(store)
}

/// The name of a node is on the page `/live`, in `/debug/live` and in the audit trail.
pub(super) fn node(flag: &str, value: &str) -> Result<String, WrongFlag> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=32).contains(&value.len()) && value.bytes().all(is_plain) {
        return Ok(value.to_owned());
    }
    let why = format!("\"{value}\" is no name of 1 to 32 letters, digits and \"-\"");
    Err(wrong(flag, why))
}
