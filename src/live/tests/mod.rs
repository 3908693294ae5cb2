//! Tests of the parts of this module together.

#[cfg(not(adjourn_loom))]
mod body;
#[cfg(not(adjourn_loom))]
mod cut;
#[cfg(not(adjourn_loom))]
mod dropped;
#[cfg(not(adjourn_loom))]
mod hold;
#[cfg(not(adjourn_loom))]
mod kept;
#[cfg(adjourn_loom)]
mod loom_body;
#[cfg(adjourn_loom)]
mod loom_hold;
#[cfg(adjourn_loom)]
mod loom_kept;
#[cfg(adjourn_loom)]
mod loom_signal;
#[cfg(adjourn_loom)]
mod loom_socket;
#[cfg(not(adjourn_loom))]
mod socket;
#[cfg(not(adjourn_loom))]
mod waker;
