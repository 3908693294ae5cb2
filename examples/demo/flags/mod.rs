//! The command line.

mod values;

use adjourn::{audit::Format, farewell::ClearSiteData, policy::Timeouts, store::Limit};
use std::{ffi::OsString, fmt, net::SocketAddr, path::PathBuf, time::Duration};
use values::{address, clear, duration, format, max_sessions, node, store};

pub(crate) const HELP: &str = "\
The back office of a small online bank: a demo of adjourn.

cargo run --example demo -- [FLAG [VALUE]]...

  --listen ADDRESS         where to listen; port 0 picks a free one  [127.0.0.1:3000]
  --idle TIME              sessions end when nobody was there so long  [15m]
  --absolute TIME          and so long after the log-in in any case  [8h]
  --touch-interval TIME    activity is written at most so often
                           [0s in memory; elsewhere a 15th of --idle, at most 60s]
  --warn TIME              how long before the end pages warn, at least 20s  [60s]
  --max-sessions N:WHAT    of one user; WHAT is end-oldest or refuse  [no limit]
  --fresh TIME             how long ago the log-in may be, for what is delicate  [5m]
  --store WHERE            where sessions are kept: memory, sqlite:FILE, redis://...
                           or postgres://...  [memory]
  --max-staleness TIME     a node may answer from its own memory so long  [0s: it does not]
  --node NAME              which node of several this is  [none]
  --audit FILE             keeps an audit trail there  [only on standard error]
  --audit-format FORMAT    of that file: ocsf, owasp or native  [ocsf]
  --scratch DIR            where sessions may keep files; it must exist  [nowhere]
  --clear WHAT             what browsers clear at the end: storage, site (all cookies, too)
                           or kiosk (the cache as well)  [storage]
  --return-to              a log-in leads back to the page that a timeout took away
  --help                   this text

TIME is a number with a unit: 500ms, 3s, 15m, 8h.";

/// What the demo runs with. No `Debug`: the address of a store may hold a password.
pub(crate) struct Flags {
    pub(crate) listen: SocketAddr,
    pub(crate) store: Store,
    /// For how long a node may answer from its own memory, if it may.
    pub(crate) max_staleness: Option<Duration>,
    /// The name of this node, where there are several.
    pub(crate) node: Option<String>,
    pub(crate) timeouts: Timeouts,
    pub(crate) limit: Option<Limit>,
    /// How long ago the log-in may be for what is delicate.
    pub(crate) fresh: Duration,
    pub(crate) audit: Option<AuditFile>,
    /// Where sessions may keep files.
    pub(crate) scratch: Option<PathBuf>,
    /// How long before the end pages warn.
    pub(crate) warning: Duration,
    /// What browsers clear at the end.
    pub(crate) clear: ClearSiteData,
    /// Whether a log-in leads back to the page that a timeout took away.
    pub(crate) return_to: bool,
}

/// Where sessions are kept.
#[derive(Clone)]
pub(crate) enum Store {
    /// In this process.
    Memory,
    /// On a server; its address.
    Postgres(String),
    /// On a server; its address.
    Redis(String),
    /// In this file.
    Sqlite(String),
}

/// A file with the audit trail.
#[derive(Debug)]
pub(crate) struct AuditFile {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

/// What the command line asks for.
pub(crate) enum Asked {
    Help,
    Run(Box<Flags>),
}

impl Flags {
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Asked, WrongFlag> {
        let mut given = Given::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let arg = utf8(arg)?;
            let (flag, joined) = match arg.split_once('=') {
                Some((flag, value)) => (flag, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            match flag {
                "--help" | "-h" => return Ok(Asked::Help),
                "--return-to" if joined.is_none() => {
                    given.return_to = true;
                    continue;
                }
                _ => {}
            }
            given.take(flag, || match joined {
                Some(value) => Ok(value),
                None => args
                    .next()
                    .map_or_else(|| Err(wrong(flag, "a value is missing")), utf8),
            })?;
        }
        given.check().map(Box::new).map(Asked::Run)
    }
}

/// What was given, each value by itself fine.
struct Given {
    listen: SocketAddr,
    idle: Duration,
    absolute: Duration,
    touch_interval: Option<Duration>,
    store: Store,
    max_staleness: Option<Duration>,
    node: Option<String>,
    limit: Option<Limit>,
    fresh: Duration,
    audit: Option<PathBuf>,
    audit_format: Option<Format>,
    scratch: Option<PathBuf>,
    warning: Duration,
    clear: ClearSiteData,
    return_to: bool,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            idle: Duration::from_mins(15),
            absolute: Duration::from_hours(8),
            touch_interval: None,
            store: Store::Memory,
            max_staleness: None,
            node: None,
            limit: None,
            fresh: Duration::from_mins(5),
            audit: None,
            audit_format: None,
            scratch: None,
            warning: Duration::from_mins(1),
            clear: ClearSiteData::storage(),
            return_to: false,
        }
    }
}

impl Given {
    fn take(
        &mut self,
        flag: &str,
        value: impl FnOnce() -> Result<String, WrongFlag>,
    ) -> Result<(), WrongFlag> {
        match flag {
            "--listen" => self.listen = address(flag, &value()?)?,
            "--idle" => self.idle = duration(flag, &value()?)?,
            "--absolute" => self.absolute = duration(flag, &value()?)?,
            "--touch-interval" => self.touch_interval = Some(duration(flag, &value()?)?),
            "--max-sessions" => self.limit = Some(max_sessions(flag, &value()?)?),
            "--fresh" => self.fresh = duration(flag, &value()?)?,
            "--store" => self.store = store(flag, &value()?)?,
            "--max-staleness" => self.max_staleness = Some(duration(flag, &value()?)?),
            "--node" => self.node = Some(node(flag, &value()?)?),
            "--audit" => self.audit = Some(PathBuf::from(value()?)),
            "--audit-format" => self.audit_format = Some(format(flag, &value()?)?),
            "--scratch" => self.scratch = Some(PathBuf::from(value()?)),
            "--warn" => self.warning = duration(flag, &value()?)?,
            "--clear" => self.clear = clear(flag, &value()?)?,
            "--return-to" => return Err(wrong(flag, "takes no value")),
            unknown => return Err(wrong(unknown, "there is no such flag")),
        }
        Ok(())
    }

    /// Whether the values fit together.
    fn check(self) -> Result<Flags, WrongFlag> {
        // One at a time, so that the message names the flag that is wrong.
        let mut timeouts = Timeouts::new(None, self.absolute)
            .map_err(|error| wrong("--absolute", error))?
            .with_idle(self.idle)
            .map_err(|error| wrong("--idle", error))?;
        if let Some(interval) = self.touch_interval {
            timeouts = timeouts
                .with_touch_interval(interval)
                .map_err(|error| wrong("--touch-interval", error))?;
        }
        if self.fresh.is_zero() {
            return Err(wrong("--fresh", "no log-in is so recent"));
        }
        let audit = match (self.audit, self.audit_format) {
            (Some(path), format) => Some(AuditFile {
                path,
                format: format.unwrap_or(Format::Ocsf),
            }),
            (None, Some(_)) => return Err(wrong("--audit-format", "needs a file: --audit FILE")),
            (None, None) => None,
        };
        Ok(Flags {
            listen: self.listen,
            store: self.store,
            max_staleness: self.max_staleness.filter(|max| !max.is_zero()),
            node: self.node,
            timeouts,
            limit: self.limit,
            fresh: self.fresh,
            audit,
            scratch: self.scratch,
            warning: self.warning,
            clear: self.clear,
            return_to: self.return_to,
        })
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

/// Says which flag is wrong, and why.
pub(crate) fn wrong(flag: &str, why: impl fmt::Display) -> WrongFlag {
    WrongFlag {
        flag: flag.to_owned(),
        why: why.to_string(),
    }
}

fn utf8(arg: OsString) -> Result<String, WrongFlag> {
    arg.into_string()
        .map_err(|arg| wrong(&arg.to_string_lossy(), "is not UTF-8"))
}
