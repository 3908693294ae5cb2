//! Real browsers and the running demo: what nobody but a browser can prove.
//!
//! Each test runs in Chromium and in Firefox, with a demo of its own and a browser that kept nothing of the
//! test before it (`drive/pool.rs`); what matters most runs in WebKit, too. Tests that mostly wait are
//! named so that they do not come last. In CI a browser that is missing is a failure (WebKit is not); elsewhere it is
//! said loudly that its tests did not run.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and says why"
)]

mod cross_site;
mod drive;
mod endings;
mod harness;
mod in_webkit;
mod keyboard;
mod log_out;
mod return_to;
mod screenshots;
mod service_worker;
mod site;
mod sleep;
#[path = "../examples/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the support of the tests of the examples, of which this needs a part"
)]
mod support;
mod trouble;
mod warning;
