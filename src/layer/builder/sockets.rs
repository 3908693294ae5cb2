//! The settings of WebSockets and of what is held open.

use super::{BuildError, SessionsBuilder, build::origin};
use crate::{
    live::{CloseRules, is_sendable},
    reason::EndReason,
    session::SocketRules,
};
use std::{sync::Arc, time::Duration};

impl SessionsBuilder {
    /// Other origins (`https://desk.example`) whose pages may open a WebSocket (ASVS 4.4.2).
    /// *Default:* none.
    ///
    /// The application's own pages always may: by [`with_origin`](Self::with_origin), by the
    /// browser's `Sec-Fetch-Site: same-origin`, and on localhost without any setting. See
    /// [`judge_websocket`](crate::policy::judge_websocket).
    pub fn with_websocket_origins<O: Into<String>>(
        mut self,
        origins: impl IntoIterator<Item = O>,
    ) -> Self {
        self.sockets
            .origins
            .extend(origins.into_iter().map(Into::into));
        self
    }

    /// The code of the Close frame that a WebSocket gets when its session ends. *Default:*
    /// [`Close::UNAUTHORIZED`](crate::live::Close::UNAUTHORIZED), 3000.
    ///
    /// [`Close::POLICY_VIOLATION`](crate::live::Close::POLICY_VIOLATION), 1008, suits clients that
    /// know the codes of RFC 6455 only. A client tells the reason from the text of the frame in any
    /// case: it is the [code](EndReason::code) of the reason.
    ///
    /// ```
    /// use adjourn::{Sessions, live::Close, reason::EndReason, store::MemoryStore};
    ///
    /// let sessions = Sessions::builder(MemoryStore::new())
    ///     .with_default_close_code(Close::POLICY_VIOLATION)
    ///     .with_close_code(EndReason::IdleTimeout, Close::TIMEOUT)
    ///     .build()?;
    /// # let _ = sessions;
    /// # Ok::<(), adjourn::BuildError>(())
    /// ```
    pub const fn with_default_close_code(mut self, code: u16) -> Self {
        self.sockets.close.usual = code;
        self
    }

    /// The code of the Close frame for sessions that end for this reason, for example
    /// [`Close::TIMEOUT`](crate::live::Close::TIMEOUT), 3008, for the idle timeout, or one of the
    /// application's own from 4000 to 4999. *Default:* that of [`with_default_close_code`](Self::with_default_close_code).
    pub fn with_close_code(mut self, reason: EndReason, code: u16) -> Self {
        self.sockets.close.by_reason.push((reason, code));
        self
    }

    /// How long a peer whose session ended may take to read its Close frame and to answer it,
    /// before its connection is dropped. *Default:* 2 seconds.
    ///
    /// Nothing of the application is sent meanwhile.
    pub const fn with_socket_grace(mut self, grace: Duration) -> Self {
        self.sockets.close.grace = grace;
        self
    }

    /// How often the sessions of everything that is held open are checked with the store, in case
    /// a notice was lost. *Default:* 30 seconds.
    ///
    /// Cost: one question for each 500 sessions. Whatever the interval, a session is also checked at
    /// the deadline that it had when its connection was opened, and from then on now and then while
    /// activity moves it: it is cut on time where no node sweeps.
    pub const fn with_recheck_every(mut self, interval: Duration) -> Self {
        self.road.recheck = interval;
        self
    }

    /// How long sockets and streams stay open while the store cannot say whether their sessions are
    /// live, from the first [check](Self::with_recheck_every) that fails. *Default:* a minute: a
    /// store that restarts or fails over is back by then, and nobody needs to connect again.
    ///
    /// Then all of them are cut: an ending elsewhere would not be heard of, and no timeout would fire.
    /// A WebSocket is closed with 1013 ("Try Again Later") and `store-unavailable`, gRPC with 14
    /// (UNAVAILABLE), every other body with an error
    /// ([`SessionUnverified`](crate::live::SessionUnverified)). No session ends by it. With
    /// [`Duration::ZERO`] the first check that fails cuts; with [`Duration::MAX`] none does.
    ///
    /// A connection whose session ended where this node cannot hear of it is thus open for at most
    /// the interval of the checks and this grace.
    pub const fn with_outage_grace(mut self, grace: Duration) -> Self {
        self.road.outage_grace = grace;
        self
    }
}

/// As they were set.
#[derive(Default)]
pub(super) struct SocketSettings {
    origins: Vec<String>,
    close: CloseRules,
}

impl SocketSettings {
    pub(super) fn check(self) -> Result<SocketRules, BuildError> {
        if let Some((setting, code)) = self.close.codes().find(|(_, code)| !is_sendable(*code)) {
            return Err(BuildError::CloseCode { setting, code });
        }
        let parsed = self
            .origins
            .iter()
            .map(|text| origin("with_websocket_origins", text));
        Ok(SocketRules {
            origins: parsed.collect::<Result<_, _>>()?,
            close: Arc::new(self.close),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{layer::Sessions, live::Close, store::MemoryStore};

    fn builder() -> SessionsBuilder {
        Sessions::builder(MemoryStore::new())
    }

    // R-14-8
    #[test]
    fn a_code_that_must_not_be_sent_is_refused() {
        for code in [999, 1005, 1006, 1015, 2999, 5000] {
            let refused = [
                builder().with_default_close_code(code),
                builder().with_close_code(EndReason::Logout, code),
            ]
            .map(|builder| builder.build().map(drop).unwrap_err());
            assert!(
                matches!(
                    refused,
                    [
                        BuildError::CloseCode {
                            setting: "with_default_close_code",
                            code: usual,
                        },
                        BuildError::CloseCode {
                            setting: "with_close_code",
                            code: special,
                        },
                    ] if (usual, special) == (code, code)
                ),
                "{code}"
            );
        }
        let built = builder()
            .with_default_close_code(Close::POLICY_VIOLATION)
            .with_close_code(EndReason::Policy, 3003)
            .build();
        assert!(built.is_ok());
    }

    #[test]
    fn what_makes_no_sense_names_its_setting() {
        let origins = builder().with_websocket_origins(["https://app.example/path"]);
        let refused = origins.build().unwrap_err().to_string();
        assert!(refused.starts_with("with_websocket_origins"), "{refused}");

        let never = builder().with_recheck_every(Duration::ZERO);
        let refused = never.build().unwrap_err().to_string();
        assert!(refused.starts_with("with_recheck_every"), "{refused}");
    }
}
