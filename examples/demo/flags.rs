//! The command line.

use adjourn::{
    policy::Timeouts,
    store::{AtLimit, Limit},
};
use std::{ffi::OsString, fmt, net::SocketAddr, num::NonZeroU32, time::Duration};

pub(crate) const HELP: &str = "\
The back office of a small online bank: a demo of adjourn.

cargo run --example demo -- [FLAG VALUE]...

  --listen ADDRESS         where to listen; port 0 picks a free one  [127.0.0.1:3000]
  --idle TIME              sessions end when nobody was there so long  [15m]
  --absolute TIME          and so long after the log-in in any case  [8h]
  --touch-interval TIME    activity is written at most so often  [0s]
  --max-sessions N:WHAT    of one user; WHAT is end-oldest or refuse  [no limit]
  --store memory           where sessions are kept
  --help                   this text

TIME is a number with a unit: 500ms, 3s, 15m, 8h.";

/// What the demo runs with.
#[derive(Debug)]
pub(crate) struct Flags {
    pub(crate) listen: SocketAddr,
    pub(crate) timeouts: Timeouts,
    pub(crate) limit: Option<Limit>,
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    Help,
    Run(Flags),
}

impl Flags {
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Asked, WrongFlag> {
        let mut listen = SocketAddr::from(([127, 0, 0, 1], 3000));
        let mut idle = Duration::from_mins(15);
        let mut absolute = Duration::from_hours(8);
        let mut touch_interval = Duration::ZERO;
        let mut limit = None;

        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let arg = utf8(arg)?;
            let (flag, joined) = match arg.split_once('=') {
                Some((flag, value)) => (flag, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            if matches!(flag, "--help" | "-h") {
                return Ok(Asked::Help);
            }
            let mut value = || match joined.clone() {
                Some(value) => Ok(value),
                None => args
                    .next()
                    .map_or_else(|| Err(wrong(flag, "a value is missing")), utf8),
            };
            match flag {
                "--listen" => listen = address(flag, &value()?)?,
                "--idle" => idle = duration(flag, &value()?)?,
                "--absolute" => absolute = duration(flag, &value()?)?,
                "--touch-interval" => touch_interval = duration(flag, &value()?)?,
                "--max-sessions" => limit = Some(max_sessions(flag, &value()?)?),
                "--store" => store(flag, &value()?)?,
                unknown => return Err(wrong(unknown, "there is no such flag")),
            }
        }
        // One at a time, so that the message names the flag that is wrong.
        let timeouts = Timeouts::new(None, absolute)
            .map_err(|error| wrong("--absolute", error))?
            .with_idle(idle)
            .map_err(|error| wrong("--idle", error))?
            .with_touch_interval(touch_interval)
            .map_err(|error| wrong("--touch-interval", error))?;
        Ok(Asked::Run(Self {
            listen,
            timeouts,
            limit,
        }))
    }
}

/// Which flag is wrong, and why.
#[derive(Debug)]
pub(crate) struct WrongFlag {
    flag: String,
    why: String,
}

impl fmt::Display for WrongFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (--help lists all flags)", self.flag, self.why)
    }
}

fn wrong(flag: &str, why: impl fmt::Display) -> WrongFlag {
    WrongFlag {
        flag: flag.to_owned(),
        why: why.to_string(),
    }
}

fn utf8(arg: OsString) -> Result<String, WrongFlag> {
    arg.into_string()
        .map_err(|arg| wrong(&arg.to_string_lossy(), "is not UTF-8"))
}

fn address(flag: &str, value: &str) -> Result<SocketAddr, WrongFlag> {
    value.parse().map_err(|_| {
        let why = format!("\"{value}\" is no address with a port, such as 127.0.0.1:3000");
        wrong(flag, why)
    })
}

fn duration(flag: &str, value: &str) -> Result<Duration, WrongFlag> {
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

fn max_sessions(flag: &str, value: &str) -> Result<Limit, WrongFlag> {
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

fn store(flag: &str, value: &str) -> Result<(), WrongFlag> {
    match value {
        "memory" => Ok(()),
        other => {
            let why = format!("there is no store \"{other}\"; there is: memory");
            Err(wrong(flag, why))
        }
    }
}
