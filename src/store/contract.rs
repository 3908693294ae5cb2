//! The contract of a session store.

use super::{
    Answer, CheckIn, Checked, Claimant, Created, Cursor, End, Listed, NewSession, Notices, Page,
    Rotated, Ticket, Update, Updated,
};
use crate::{
    id::{SecretHash, SessionId, Subject},
    reason::Cause,
    record::{Activity, Departed, Generation, Scope, Tombstone},
};
use std::{sync::Arc, time::Duration};

/// A store of sessions.
///
/// See the [module](super) for the rules. It is dyn compatible, and shared by everything that
/// works with sessions; methods take `&self` and never block the thread for long.
///
/// Hand a store to the `Sessions` builder by value and keep no copy: an
/// ending that goes past the `Terminator` cuts no sockets, runs no hooks and
/// is not audited until somebody takes over its pending work.
///
/// # Cancel safety
/// A future in a [`Reply::Later`](super::Reply::Later) may be dropped at any point; the operation
/// then either happened as a whole or not at all. An ending whose future was dropped is taken over
/// when its lease is over.
pub trait SessionStore: Send + Sync + 'static {
    /// A new name for a session of `subject`.
    ///
    /// *Redis:* no round trip: 15 random bytes behind the subject's shard. *PostgreSQL:* none: 16
    /// random bytes.
    fn mint_id(&self, subject: Option<&Subject>) -> Answer<SessionId>;

    /// Reads the generation, before the credentials of `subject` are checked.
    ///
    /// *Redis:* `GET` of the shard's generation, with `TIME`. *PostgreSQL:* `SELECT last_value
    /// FROM generation, clock_timestamp()`.
    fn begin_log_in(&self, subject: Option<&Subject>) -> Answer<Ticket>;

    /// Creates a session, within the limit, in place of another: the only operation that inserts.
    ///
    /// In one atomic step: an exact repeat (same id, same secret hash, still live) is answered
    /// [`Created::Created`] and a taken id [`Created::Conflict`]; a ticket older than a covering cut
    /// is [`Created::Outdated`]; the subject's live sessions other than `replaces` are counted
    /// against the limit, and at the limit either nothing happens ([`Created::LimitReached`]) or
    /// the oldest end `Superseded`, as many as needed; `replaces` ends `Reauthenticated`; the
    /// session is inserted with the next generation.
    ///
    /// *Redis:* one script over the subject's sorted set and its members. *PostgreSQL:* a
    /// `VOLATILE` function: `pg_advisory_xact_lock(subject)`, count, update, insert.
    fn create(&self, session: NewSession) -> Answer<Created>;

    /// Judges the secret, then the session, then touches it if it is live, `activity` is
    /// [`Activity::Active`] and the stored last-seen is older than the touch interval.
    ///
    /// The order of judgement: unknown id, wrong secret, ended, due, outdated secret, live. The
    /// previous secret counts as right within its grace; when the current secret is presented the
    /// grace is over. A touch never moves last-seen back.
    ///
    /// *Redis:* one script: `GET`, `TIME`, `HMGET`, perhaps `SETRANGE`. *PostgreSQL:* one statement: select,
    /// judge, and an `UPDATE` that judges again on the newest row version. Check-ins of the same moment may share one.
    fn check_in(&self, id: SessionId, secret: &SecretHash, activity: Activity) -> Answer<CheckIn>;

    /// How sessions that this node holds stand, in the order of `ids`; with
    /// [`Activity::Active`] the live ones are touched. At most 500 ids a call.
    ///
    /// By id alone: the caller holds the sessions already. Never reachable from a request's
    /// input.
    ///
    /// *Redis:* one script a slot, pipelined. *PostgreSQL:* one statement with `id = ANY($1)`.
    fn check(&self, ids: &[SessionId], activity: Activity) -> Answer<Vec<Checked>>;

    /// Merges values, grants and what is left behind into a live session, name by name.
    ///
    /// With `expected`, only if the session's revision still is that. Each write that changes
    /// something adds one to the revision.
    ///
    /// *Redis:* one script: judge, `SET`. *PostgreSQL:* one `UPDATE ... WHERE
    /// live(row) RETURNING`.
    fn update(&self, id: SessionId, update: Update, expected: Option<u64>) -> Answer<Updated>;

    /// Replaces the secret of a live session. The old one stays good for `grace`, or until the new
    /// one is presented; a zero grace makes it [`CheckIn::Outdated`] at once.
    ///
    /// Answers [`Rotated::Written`] to a repeat: `new` is current and `old` is previous.
    ///
    /// *Redis:* one script: compare, `SET`. *PostgreSQL:* one `UPDATE ... WHERE secret = $old
    /// AND live(row)`.
    fn rotate(
        &self,
        id: SessionId,
        old: &SecretHash,
        new: &SecretHash,
        grace: Duration,
    ) -> Answer<Rotated>;

    /// Ends a session: the compare-and-set that decides the one ending.
    ///
    /// In one atomic step: the values are erased, the row becomes its tombstone, the work is
    /// pending and leased to the claimant, and a notice is sent. A session already past a deadline
    /// or cut ends with *that* cause.
    ///
    /// *Redis:* one script. *PostgreSQL:* one statement: `SELECT ... FOR NO KEY UPDATE`, `UPDATE
    /// ... WHERE ended IS NULL`, `pg_notify`.
    fn end(&self, id: SessionId, cause: Cause, claimant: Claimant) -> Answer<End>;

    /// Ends several sessions like [`end`](Self::end); answers those that this call ended.
    ///
    /// *Redis:* the script of `end`, pipelined. *PostgreSQL:* the statement of `end` with
    /// `id = ANY($1)`, locked in the order of the ids.
    fn end_many(
        &self,
        ids: &[SessionId],
        cause: Cause,
        claimant: Claimant,
    ) -> Answer<Vec<Departed>>;

    /// Finds sessions past a deadline or cut and ends them with that cause, at most `limit`;
    /// several callers at once get each session once. Fewer than `limit` means that no more are
    /// due. Also drops tombstones and cuts whose time is over.
    ///
    /// Its cost grows with what is due, not with what lives.
    ///
    /// *Redis:* one script a shard over the due set. *PostgreSQL:* one statement with `FOR NO KEY
    /// UPDATE SKIP LOCKED`.
    fn end_due(&self, limit: usize, claimant: Claimant) -> Answer<Vec<Departed>>;

    /// Cuts every session of the scope that started before now: from then on each is due with
    /// `cause`, and [`end_due`](Self::end_due) concludes it. Does not walk the sessions.
    ///
    /// A kept session gets the new generation in the same step. When several cuts cover a
    /// session, the first names the cause. Cuts are remembered until the sessions they cover are
    /// gone, and at least for [`Ticket::LIFETIME`].
    ///
    /// *Redis:* one script for a subject, one in each of the 256 shards for everyone.
    /// *PostgreSQL:* one statement: insert the cut with `nextval('generation')`, update the kept
    /// row.
    fn end_all(&self, scope: Scope, cause: Cause) -> Answer<Generation>;

    /// The tombstone of an ended session, while it is kept.
    ///
    /// *Redis:* `GET`. *PostgreSQL:* one `SELECT`.
    fn tombstone(&self, id: SessionId) -> Answer<Option<Arc<Tombstone>>>;

    /// The live sessions of a subject, oldest first.
    ///
    /// *Redis:* one script over the subject's sorted set. *PostgreSQL:* one `SELECT`.
    fn list(&self, subject: &Subject) -> Answer<Vec<Listed>>;

    /// All live sessions, in parts of about `limit`.
    ///
    /// *Redis:* `ZRANGEBYLEX` in one shard after the other. *PostgreSQL:* `WHERE id > $1 ORDER BY
    /// id LIMIT $2`.
    fn page(&self, cursor: Option<Cursor>, limit: usize) -> Answer<Page>;

    /// Takes over pending work whose lease is over, at most `limit`: each is leased to the caller
    /// with a new claim and says `redelivered`.
    ///
    /// *Redis:* one script a shard over the pending set. *PostgreSQL:* one `UPDATE ... SKIP LOCKED
    /// ... RETURNING`.
    fn pending(&self, limit: usize, lease: Duration) -> Answer<Vec<Departed>>;

    /// Makes a lease last for `lease` from now. `false` when the claim is not (or no longer) the
    /// caller's: it must stop working.
    ///
    /// *Redis:* one script. *PostgreSQL:* one `UPDATE ... WHERE claim = $2`.
    fn renew(&self, id: SessionId, claim: u64, lease: Duration) -> Answer<bool>;

    /// Says that the work is done: it is pending no longer. `false` when the claim is not the
    /// caller's; harmless when repeated.
    ///
    /// That it was said may be lost when the store's server crashes: the work is then taken over. Without a crash it is kept.
    ///
    /// *Redis:* one script. *PostgreSQL:* one `UPDATE` for all that are asked for at the same time, which does not
    /// wait for the disk.
    fn acknowledge(&self, id: SessionId, claim: u64) -> Answer<bool>;

    /// How old a stored last-seen may grow before activity writes it, unless the application says
    /// otherwise: the price of a write against the precision of the idle timeout.
    ///
    /// By default a fifteenth of the idle timeout, at most a minute; an embedded store, which
    /// writes for free, answers zero.
    fn touch_interval(&self, idle_timeout: Option<Duration>) -> Duration {
        idle_timeout.map_or(Duration::ZERO, |idle| {
            (idle / 15).min(Duration::from_mins(1))
        })
    }

    /// How many sessions one call of [`end_due`](Self::end_due) or [`pending`](Self::pending) is
    /// asked for, after which the sweeper lets others have the thread.
    ///
    /// By default 64. The one on PostgreSQL has 256, since each step waits for a disk; more of them on Redis would only keep its
    /// one thread from the requests. A store that works on the caller's thread answers less, so that a request there
    /// hardly waits for a sweep.
    fn sweep_step(&self) -> usize {
        64
    }

    /// Whether time is that of a server, which may jump under this process, and not that of this
    /// process's own clock. The sweeper then compares the two, by one
    /// [`begin_log_in`](Self::begin_log_in) a sweep, and pauses when they part.
    ///
    /// By default not.
    fn has_own_clock(&self) -> bool {
        false
    }

    /// How many sessions live now, as far as the store knows without looking: for a gauge, so those
    /// that are due and not yet concluded may count. Called twice a second; it must not block.
    ///
    /// By default unknown, as on a store behind a network.
    fn live_sessions(&self) -> Option<usize> {
        None
    }

    /// The store's notices from now on.
    ///
    /// *Redis:* `SUBSCRIBE`. *PostgreSQL:* `LISTEN`.
    fn notices(&self) -> Notices;
}
