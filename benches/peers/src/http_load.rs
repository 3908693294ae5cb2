//! Requests over HTTP on the loopback: one thread serves, another one asks.
//!
//! All servers run in one thread, which is the bottleneck: their throughputs are compared, and so
//! is the processor time of that thread, which other programs on the machine disturb less.

use crate::{
    harness::median,
    subjects::{self, Subjected},
};
use http::HeaderValue;
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};

/// How much is asked.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) sessions: usize,
    /// Requests on each connection in a turn.
    each: usize,
    rounds: usize,
}

impl Size {
    pub(crate) const FULL: Self = Self {
        sessions: 10_000,
        each: 50,
        rounds: 60,
    };
    pub(crate) const SMOKE: Self = Self {
        sessions: 64,
        each: 5,
        rounds: 2,
    };

    /// Turns of about a second, in which what a near cache of a second remembers grows stale as often as it does
    /// without the others' turns in between.
    pub(crate) const fn in_long_turns(self) -> Self {
        Self {
            each: self.each * LONG,
            rounds: self.rounds.div_ceil(LONG / 4),
            ..self
        }
    }
}

/// How many times as long.
const LONG: usize = 40;

/// A server, and what its store has been asked so far.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) subject: Subjected,
    pub(crate) asked: Option<Asked>,
    /// How much more its store takes for each session.
    bytes: Option<u64>,
}

/// The commands of a store by their names.
pub(crate) type Asked = Box<dyn Fn() -> io::Result<BTreeMap<String, u64>> + Send + Sync>;

impl Contestant {
    pub(crate) fn new(name: &'static str, subject: Subjected) -> Self {
        Self {
            name,
            subject,
            asked: None,
            bytes: None,
        }
    }

    /// What its store took without sessions, and with so many.
    pub(crate) fn weighing(mut self, without: u64, with: u64, sessions: usize) -> Self {
        self.bytes = Some(with.saturating_sub(without) / sessions.max(1) as u64);
        self
    }

    pub(crate) fn asking(mut self, asked: Asked) -> Self {
        self.asked = Some(asked);
        self
    }
}

pub(crate) fn run() -> io::Result<()> {
    let size = Size::FULL;
    compare("the stores in memory", size, async move || {
        let bare = Subjected {
            router: subjects::bare(),
            cookies: subjects::adjourn(size.sessions).cookies,
        };
        Ok(vec![
            Contestant::new("bare axum", bare),
            Contestant::new("adjourn", subjects::adjourn(size.sessions)),
            Contestant::new("tower-sessions", subjects::peer(size.sessions, false)),
            Contestant::new(
                "tower-sessions, sliding",
                subjects::peer(size.sessions, true),
            ),
        ])
    })
}

/// Serves what `make` makes within the runtime of the serving thread, the first of which is bare,
/// and asks all in turn.
pub(crate) fn compare<F>(title: &str, size: Size, make: F) -> io::Result<()>
where
    F: AsyncFnOnce() -> io::Result<Vec<Contestant>> + Send + 'static,
{
    let (served, server_thread) = serve(make)?;
    let client = Builder::new_current_thread().enable_all().build()?;
    let mut loads = Vec::new();
    for one in &served {
        loads.push(Load::connect(&client, one, size.each)?);
    }
    let mut rounds = vec![(Vec::new(), Vec::new()); loads.len()];
    for round in 0..=size.rounds {
        for (load, (wall, processor)) in loads.iter_mut().zip(&mut rounds) {
            let (began, used) = (Instant::now(), processor_nanos(&server_thread)?);
            load.run(&client)?;
            let used = processor_nanos(&server_thread)? - used;
            if round > 0 {
                wall.push(began.elapsed().as_secs_f64());
                processor.push(used);
            }
        }
    }
    let mut out = io::stdout().lock();
    let requests = (CONNECTIONS * size.each) as f64;
    let Size {
        sessions,
        rounds: of,
        ..
    } = size;
    writeln!(
        out,
        "HTTP, live read, {title}, {sessions} sessions, {CONNECTIONS} connections, medians of {of}"
    )?;
    report(&mut out, &served, &rounds, requests)?;
    for (load, one) in loads.iter_mut().zip(&served) {
        if let Some(asked) = &one.asked {
            let before = asked()?;
            load.run(&client)?;
            tell_asked(&mut out, one.name, &before, &asked()?, requests)?;
        }
        if let Some(bytes) = one.bytes {
            writeln!(out, "  {}: {bytes} bytes a session in the store", one.name)?;
        }
    }
    writeln!(out)
}

fn report(
    out: &mut impl Write,
    served: &[Served],
    rounds: &[(Vec<f64>, Vec<f64>)],
    requests: f64,
) -> io::Result<()> {
    let Some((bare_wall, bare_processor)) = rounds.first() else {
        return Ok(());
    };
    for (one, (wall, processor)) in served.iter().zip(rounds) {
        let of_bare =
            |bare: &[f64], own: &[f64]| median(bare.iter().zip(own).map(|(bare, own)| bare / own));
        writeln!(
            out,
            "  {:<28} {:>7.0} a second, {:.2} of bare; {:>6.0} ns of processor, {:.2} of bare",
            one.name,
            requests / median(wall.iter().copied()),
            of_bare(bare_wall, wall),
            median(processor.iter().copied()) / requests,
            of_bare(bare_processor, processor),
        )?;
    }
    Ok(())
}

/// What a store was asked in one turn, for each request.
fn tell_asked(
    out: &mut impl Write,
    name: &str,
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
    requests: f64,
) -> io::Result<()> {
    let new = |(command, calls): (&String, &u64)| {
        let calls = calls.saturating_sub(before.get(command).copied().unwrap_or(0));
        (calls > 0).then(|| (command.clone(), calls))
    };
    let mut asked: Vec<_> = after.iter().filter_map(new).collect();
    asked.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    let total: u64 = asked.iter().map(|(_, calls)| calls).sum();
    writeln!(
        out,
        "  {name}: {:.2} commands a request",
        total as f64 / requests
    )?;
    for (command, calls) in asked.iter().take(MOST_COMMANDS) {
        writeln!(out, "    {:>6.2} {command}", *calls as f64 / requests)?;
    }
    Ok(())
}

/// What the asking thread knows of a server.
struct Served {
    name: &'static str,
    address: SocketAddr,
    cookies: Arc<[HeaderValue]>,
    asked: Option<Asked>,
    bytes: Option<u64>,
}

/// Starts the servers; and where the system tells of their thread.
fn serve<F>(make: F) -> io::Result<(Vec<Served>, String)>
where
    F: AsyncFnOnce() -> io::Result<Vec<Contestant>> + Send + 'static,
{
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let itself = fs::read_link("/proc/thread-self")?;
        let itself = format!("/proc/{}/schedstat", itself.display());
        runtime.block_on(async move {
            let (mut all, mut servers) = (Vec::new(), Vec::new());
            let contestants = match make().await {
                Ok(contestants) => contestants,
                Err(error) => return send.send(Err(error)).map_err(io::Error::other),
            };
            for one in contestants {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                all.push(Served {
                    name: one.name,
                    address: listener.local_addr()?,
                    cookies: one.subject.cookies,
                    asked: one.asked,
                    bytes: one.bytes,
                });
                let server = axum::serve(listener, one.subject.router).into_future();
                servers.push(tokio::spawn(server));
            }
            send.send(Ok((all, itself))).map_err(io::Error::other)?;
            for server in servers {
                let _ended = server.await;
            }
            Ok(())
        })
    });
    receive.recv().map_err(io::Error::other)?
}

/// How long a thread has run on a processor.
pub(crate) fn processor_nanos(schedstat: &str) -> io::Result<f64> {
    let text = fs::read_to_string(schedstat)?;
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.ok_or_else(|| io::Error::other("schedstat cannot be read"))
}

/// Connections to one server, and what each asks again and again.
struct Load {
    connections: Vec<(Option<TcpStream>, Vec<u8>)>,
    each: usize,
}

impl Load {
    fn connect(client: &Runtime, served: &Served, each: usize) -> io::Result<Self> {
        let (mut connections, address) = (Vec::new(), served.address);
        for cookie in served.cookies.iter().take(CONNECTIONS) {
            let stream = client.block_on(TcpStream::connect(address))?;
            stream.set_nodelay(true)?;
            let cookie = cookie.to_str().map_err(io::Error::other)?;
            let request = format!(
                "GET /account HTTP/1.1\r\nhost: {address}\r\naccept: */*\r\ncookie: {cookie}\r\n\r\n"
            );
            connections.push((Some(stream), request.into_bytes()));
        }
        Ok(Self { connections, each })
    }

    /// A turn: requests on each connection, one after another.
    fn run(&mut self, client: &Runtime) -> io::Result<()> {
        let each = self.each;
        client.block_on(async {
            let asking: Vec<_> = self
                .connections
                .iter_mut()
                .filter_map(|(stream, request)| {
                    let (stream, request) = (stream.take()?, request.clone());
                    Some(tokio::spawn(ask(stream, request, each)))
                })
                .collect();
            for ((place, _), asking) in self.connections.iter_mut().zip(asking) {
                *place = Some(asking.await??);
            }
            Ok(())
        })
    }
}

async fn ask(mut stream: TcpStream, request: Vec<u8>, each: usize) -> io::Result<TcpStream> {
    let mut buffer = vec![0; 4_096];
    for _ in 0..each {
        stream.write_all(&request).await?;
        let mut filled = 0;
        while !is_whole(buffer.get(..filled).unwrap_or_default())? {
            let read = stream
                .read(buffer.get_mut(filled..).unwrap_or_default())
                .await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
        }
    }
    Ok(stream)
}

/// Whether this is a whole response. Every body here is a subject.
fn is_whole(response: &[u8]) -> io::Result<bool> {
    if !response.starts_with(b"HTTP/1.1 200 OK\r\n") {
        return if response.is_empty() {
            Ok(false)
        } else {
            Err(io::Error::other(
                String::from_utf8_lossy(response).into_owned(),
            ))
        };
    }
    let body = response.windows(4).rposition(|four| four == b"\r\n\r\n");
    Ok(body.is_some_and(|end| response.len() == end + 4 + 16))
}

const CONNECTIONS: usize = 32;
/// How many commands are told of each store.
const MOST_COMMANDS: usize = 8;
