//! The owner of everything.

use super::{SessionLayer, SessionsBuilder, endpoints::EndpointRules};
use crate::{
    carrier::Carriers,
    farewell::FarewellConfig,
    id::{RequestId, Subject},
    policy::{Network, PolicyReport, RequestFacts},
    record::Activity,
    session::Context,
    store::{self, Cursor, Listed, Page, SessionStore},
    terminate::{Background, ShutDown, Terminator},
};
use http::{Extensions, HeaderMap};
use std::{fmt, net::IpAddr, sync::Arc};

/// Everything that works with the sessions of an application: makes the layer, the endpoints and
/// the [`Terminator`], and owns the store.
///
/// Cloning is cheap: clones are the same.
///
/// ```
/// use adjourn::{Sessions, store::MemoryStore};
///
/// let sessions = Sessions::builder(MemoryStore::new())
///     .with_public(["/", "/login", "/logout"])
///     .with_log_in_page("/login")
///     .build()?;
/// let layer = sessions.layer();
/// # let _ = layer;
/// # Ok::<(), adjourn::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Sessions(pub(crate) Arc<Core>);

/// Decides whether a request, to this path, is a sign that the user is there.
pub(super) type ActivityRule = dyn Fn(&RequestFacts, &str) -> Activity + Send + Sync;

/// Finds the address of the peer in the extensions of a request.
pub(super) type PeerRule = dyn Fn(&Extensions) -> Option<IpAddr> + Send + Sync;

/// Finds what a request is called.
pub(super) type RequestIdRule = dyn Fn(&HeaderMap, &Extensions) -> Option<RequestId> + Send + Sync;

pub(crate) struct Core {
    pub(crate) context: Arc<Context>,
    pub(crate) farewell: Arc<FarewellConfig>,
    pub(super) carriers: Carriers,
    pub(crate) endpoints: EndpointRules,
    pub(super) activity: Box<ActivityRule>,
    pub(super) peer: Box<PeerRule>,
    pub(super) request_id: Option<Box<RequestIdRule>>,
    pub(super) trusted_proxies: Vec<Network>,
    /// Whether a response whose session ended meanwhile is replaced.
    pub(super) replace_in_flight: bool,
    pub(super) background: Background,
    pub(super) report: PolicyReport,
}

impl Sessions {
    /// Starts a configuration. The store is taken by value, so that nobody ends a session past the
    /// road.
    pub fn builder(store: impl SessionStore) -> SessionsBuilder {
        SessionsBuilder::new(store)
    }

    /// The layer to put around the service; [starts](Self::start) what runs without requests. All layers of one `Sessions` are the same: a request
    /// that meets two of them has one session and gets one cookie.
    pub fn layer(&self) -> SessionLayer {
        self.start();
        SessionLayer(self.clone())
    }

    /// Ends sessions from anywhere.
    pub fn terminator(&self) -> Terminator {
        Terminator(Arc::clone(&self.0.context.road))
    }

    /// The live sessions of a subject, oldest first.
    ///
    /// # Errors
    /// The store failed.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn list(&self, subject: &Subject) -> Result<Vec<Listed>, store::Error> {
        self.0.context.store().list(subject).await
    }

    /// All live sessions, in parts of about `limit`.
    ///
    /// # Errors
    /// The store failed.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn page(&self, cursor: Option<Cursor>, limit: usize) -> Result<Page, store::Error> {
        self.0.context.store().page(cursor, limit).await
    }

    /// How many sockets, streams and other [holds](crate::session::Hold) this node has open on behalf of
    /// sessions. A user with ten tabs on a page with a WebSocket counts ten times.
    pub fn open_connections(&self) -> usize {
        self.0.context.road.live.connections()
    }

    /// The policy in force, to be documented or served as JSON (ASVS 7.1.1, 7.1.2).
    pub fn policy(&self) -> &PolicyReport {
        &self.0.report
    }

    /// Starts the sweeper and the listener for notices, which otherwise start with the layer, or with
    /// the first request where that was made outside a Tokio runtime. Does nothing there, and after
    /// a shutdown.
    pub fn start(&self) {
        self.0.background.ensure_started(&self.0.context.road);
    }

    /// Stops the background tasks, waits for every ending that is under way, and says what was left.
    ///
    /// Call it after the server has stopped accepting requests. Sessions stay in the store.
    ///
    /// It waits as long as [configured](SessionsBuilder::with_shutdown_limit) for hooks, and then up to
    /// 10 s for the audit sinks. What a hook does that blocks the only thread of a runtime nobody can
    /// limit: there the shutdown waits with everything else.
    ///
    /// # Cancel safety
    /// Dropped, it stops waiting; what is under way goes on until the process ends, and is taken
    /// over by another node or the next start on a store that outlives it.
    pub async fn shutdown(&self) -> ShutDown {
        self.0.background.shut_down(&self.0.context.road).await
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("policy", &self.0.report)
            .finish_non_exhaustive()
    }
}
