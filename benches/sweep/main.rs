//! A million endings at once, and requests beside them: `cargo bench --bench sweep`.
//!
//! 1. How long a live read takes while a million due sessions end, beside how long it takes when
//!    none does, with one worker thread and with two; and what memory is given back.
//! 2. How late the idle timeout fires with a million live sessions and not one request.
//!
//! With `--all-features -- --redis URL` or `--postgres URL`, the address of a server that is empty, and perhaps
//! `--sessions N`: how long a check-in takes while another node ends them.

#![expect(
    clippy::expect_used,
    reason = "a bench that cannot run has to stop, and says where"
)]

mod sessions;
#[cfg(all(feature = "postgres", feature = "redis"))]
mod shared;
mod waits;

use self::sessions::IDLE;
use adjourn::{
    Session, Sessions,
    audit::{Event, EventKind, NonBlocking, Sink},
    store::MemoryStore,
    time::{ManualClock, SystemClock},
};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{
    alloc::System,
    convert::Infallible,
    env,
    error::Error,
    io::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{runtime, task::yield_now, time::sleep};
use tower::{Layer, Service, service_fn};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<_> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if arguments.is_empty() {
        return Ok(in_memory()?);
    }
    let report = on_a_server(&arguments)?;
    writeln!(io::stdout(), "{report}")?;
    Ok(())
}

#[cfg(all(feature = "postgres", feature = "redis"))]
fn on_a_server(arguments: &[String]) -> Result<String, Box<dyn Error + Send + Sync>> {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (which, url, many) = match *arguments {
        [which, url] => (which, url, MANY),
        [which, url, "--sessions", many] => (which, url, many.parse()?),
        _ => return Err(WHICH.into()),
    };
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match which {
            "--redis" => shared::on_redis(url, many).await,
            "--postgres" => shared::on_postgres(url, many).await,
            _ => Err(WHICH.into()),
        }
    })
}

#[cfg(all(feature = "postgres", feature = "redis"))]
const WHICH: &str = "which store? --redis URL or --postgres URL, and perhaps --sessions N";

#[cfg(not(all(feature = "postgres", feature = "redis")))]
fn on_a_server(_: &[String]) -> Result<String, Box<dyn Error + Send + Sync>> {
    Err("the stores for several nodes need --all-features".into())
}

fn in_memory() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for workers in [1, 2] {
        let runtime = match workers {
            1 => runtime::Builder::new_current_thread(),
            _ => runtime::Builder::new_multi_thread(),
        }
        .worker_threads(workers)
        .enable_all()
        .build()?;
        let report = runtime.block_on(async { tokio::spawn(end_a_million()).await });
        writeln!(out, "{workers} worker(s): {}", report.expect("no panic"))?;
    }
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(idle_lag());
    writeln!(out, "{report}")
}

async fn end_a_million() -> String {
    let clock = ManualClock::default();
    let store = MemoryStore::with_clock(clock.clone());
    let before = live_heap();
    for _ in 0..MANY {
        create(&store, IDLE).await;
    }
    let mut cookies = Vec::new();
    for _ in 0..64 {
        cookies.push(create(&store, IDLE * 4).await);
    }
    let full = live_heap() - before;
    let sessions = Sessions::builder(store)
        .with_clock(clock.clone())
        .build()
        .expect("a configuration without mistakes");

    let quiet = Requests::start(&sessions, &cookies);
    sleep(Duration::from_secs(3)).await;
    let quiet = quiet.stop().await;

    clock.advance(IDLE);
    let during = Requests::start(&sessions, &cookies);
    let start = Instant::now();
    while sessions.terminator().sweep().await.expect("memory") > 0 {}
    let took = start.elapsed();
    let during = during.stop().await;

    clock.advance(IDLE * 96);
    for _ in 0..MANY / 64 {
        sessions.terminator().sweep().await.expect("memory");
    }
    let left = live_heap().saturating_sub(before);
    format!(
        "{MANY} sessions ended in {took:.1?}\n  live reads before: {quiet}\n  live reads during: {during}\n  \
         heap: {} MB with all live, {} MB when their tombstones are forgotten",
        full / 1_000_000,
        left / 1_000_000
    )
}

/// Live reads, one after the other, for as long as they are wanted.
struct Requests {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Vec<Duration>>,
}

impl Requests {
    fn start(sessions: &Sessions, cookies: &[HeaderValue]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, cookies) = (Arc::clone(&stop), cookies.to_vec());
        let mut service = sessions.layer().layer(service_fn(read));
        let task = tokio::spawn(async move {
            let mut waits = Vec::with_capacity(10_000_000);
            let wanted = |_: &&HeaderValue| !stopped.load(Ordering::Relaxed);
            for cookie in cookies.iter().cycle().take_while(wanted) {
                let request = request(cookie);
                // From when the request is there until it is answered: it waits for its turn too.
                let start = Instant::now();
                yield_now().await;
                let response = service.call(request).await.expect("infallible");
                waits.push(start.elapsed());
                assert_eq!(response.status(), 200, "the readers stay logged in");
            }
            waits
        });
        Self { stop, task }
    }

    async fn stop(self) -> String {
        self.stop.store(true, Ordering::Relaxed);
        waits::report(self.task.await.expect("no panic"))
    }
}

async fn read(request: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    let session = request.extensions().get::<Session>();
    let subject = session.and_then(Session::subject);
    let mut response = Response::new(Full::default());
    if subject.is_none() {
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
    }
    Ok(response)
}

fn request(cookie: &HeaderValue) -> Request<()> {
    let mut request = Request::new(());
    request.headers_mut().insert(header::COOKIE, cookie.clone());
    request
}

/// How late idle timeouts fire by themselves, beside a million sessions that live.
async fn idle_lag() -> String {
    const SHORT: Duration = Duration::from_secs(5);
    let store = MemoryStore::with_clock(SystemClock);
    for _ in 0..MANY {
        create(&store, IDLE).await;
    }
    for _ in 0..1_000 {
        create(&store, SHORT).await;
        sleep(Duration::from_millis(2)).await;
    }
    let lags = Arc::new(Lags::default());
    let sessions = Sessions::builder(store)
        .add_audit_sink(Arc::clone(&lags))
        .build()
        .expect("a configuration without mistakes");
    // The sweeper starts with the first request, or here.
    let mut service = sessions.layer().layer(service_fn(read));
    drop(service.call(Request::new(())).await);
    sleep(SHORT + Duration::from_secs(2)).await;
    let mut idle = std::mem::take(&mut *lags.0.lock().unwrap_or_else(PoisonError::into_inner));
    idle.sort_unstable();
    let late = |idle: Option<&Duration>| idle.copied().unwrap_or_default().saturating_sub(SHORT);
    format!(
        "idle timeouts beside {MANY} live sessions, no request: {} fired, half at most {:?} late, worst {:?}",
        idle.len(),
        late(idle.get(idle.len() / 2)),
        late(idle.last()),
    )
}

/// How long nobody was active in the sessions that ended.
#[derive(Default)]
struct Lags(Mutex<Vec<Duration>>);

impl NonBlocking for Lags {}

impl Sink for Lags {
    fn record(&self, event: &Event) {
        if let EventKind::Ended { idle, .. } = &event.kind {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(*idle);
        }
    }
}

/// A session in the store, and the cookie of its client.
async fn create(store: &MemoryStore, idle: Duration) -> HeaderValue {
    let token = sessions::create(store, idle, Duration::ZERO).await;
    let cookie = format!("__Host-sid={}", &*token.expose());
    cookie.parse().expect("base64url")
}

/// Bytes of the heap in use.
fn live_heap() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

const MANY: usize = 1_000_000;
