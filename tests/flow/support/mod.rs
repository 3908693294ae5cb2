//! What the flows share: a site on a loopback port, browsers with a cookie jar, raw sockets, a
//! store that can fail and wait, a sink that collects events, and a gate that holds requests.
//!
//! Nothing here sleeps: time is a [`ManualClock`], and whoever waits, waits for an event.
#![allow(
    dead_code,
    unused_imports,
    reason = "a toolbox: which tool is used changes with the flows"
)]

mod browser;
mod endless;
mod events;
mod gate;
mod jar;
mod site;
mod spy;

pub(crate) use browser::{Ask, Browser, Got};
pub(crate) use endless::{Dropped, Endless};
pub(crate) use events::Events;
pub(crate) use gate::Gate;
pub(crate) use jar::{Jar, Kept};
pub(crate) use site::{Site, SiteBuilder, raw, raw_bytes, read_all, serve, serve_hyper};
pub(crate) use spy::{Held, Op, Spy, When};
