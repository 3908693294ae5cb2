//! The ways in which a session ends.

use super::{ADMIN, ALICE, Site};
use crate::{drive::Tab, support::Browser};

/// A way in which the session of Alice ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    AbsoluteTimeout,
    Administrator,
    IdleTimeout,
    LogOut,
    OtherDevice,
    SessionLimit,
}

impl Ending {
    /// The demo's flags with which it can come about. The times are long enough to log in and look
    /// around on a busy machine, and short enough to wait for.
    pub(crate) const fn flags(self) -> &'static [&'static str] {
        match self {
            Self::AbsoluteTimeout => &["--absolute", "20s", "--idle", "20s"],
            Self::IdleTimeout => &["--idle", "16s"],
            Self::SessionLimit => &["--max-sessions", "1:end-oldest"],
            Self::Administrator | Self::LogOut | Self::OtherDevice => &[],
        }
    }

    /// What the audit trail calls it.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::AbsoluteTimeout => "absolute-timeout",
            Self::Administrator => "forced",
            Self::IdleTimeout => "idle-timeout",
            Self::LogOut => "logout",
            Self::OtherDevice => "logout-elsewhere",
            Self::SessionLimit => "superseded",
        }
    }

    /// What the exit page says of it.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::AbsoluteTimeout => "reached its maximum length",
            Self::Administrator => "signed out by an administrator",
            Self::IdleTimeout => "without activity",
            Self::LogOut => "You signed out",
            Self::OtherDevice => "You signed out on another device",
            Self::SessionLimit => "the session limit was reached",
        }
    }

    /// It comes about; in this tab only if that is where it does.
    pub(crate) fn comes(self, site: &Site, tab: &Tab<'_>) {
        match self {
            Self::AbsoluteTimeout | Self::IdleTimeout => {}
            Self::Administrator => {
                let mut admin = site.other_device(ADMIN);
                let ended = admin.post("/admin/end", &[("subject", "alice")]);
                ended.shows(200, "1 session was ended");
            }
            Self::LogOut => tab.follow(".viewer button"),
            Self::OtherDevice => end_others(site.other_device(ALICE)),
            Self::SessionLimit => drop(site.other_device(ALICE)),
        }
        let ended = site.demo.says("session-ended");
        assert!(
            ended.contains(&format!("reason=\"{}\"", self.code())),
            "{ended}"
        );
    }
}

fn end_others(mut device: Browser) {
    let ended = device.post("/account/sessions/end-others", &[]);
    ended.leads_to("/account/sessions");
}
