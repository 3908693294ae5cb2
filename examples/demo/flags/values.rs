//! What the values of flags look like.

use super::{WrongFlag, wrong};
use adjourn::{
    audit::Format,
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

pub(super) fn store(flag: &str, value: &str) -> Result<(), WrongFlag> {
    match value {
        "memory" => Ok(()),
        other => {
            let why = format!("there is no store \"{other}\"; there is: memory");
            Err(wrong(flag, why))
        }
    }
}
