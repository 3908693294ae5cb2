//! Requests over HTTP on the loopback: one thread serves, another one asks.
//!
//! All servers run in one thread, which is the bottleneck: their throughputs are compared, and so
//! is the processor time of that thread, which other programs on the machine disturb less.

use crate::{
    harness::median,
    subjects::{self, Subjected},
};
use axum::Router;
use std::{
    fs,
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    sync::mpsc,
    thread,
    time::Instant,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
};

pub(crate) fn run() -> io::Result<()> {
    let bare = Subjected {
        router: subjects::bare(),
        cookies: subjects::adjourn(SESSIONS).cookies,
    };
    let all = [
        ("bare axum", bare),
        ("adjourn", subjects::adjourn(SESSIONS)),
        ("tower-sessions", subjects::peer(SESSIONS, false)),
        ("tower-sessions, sliding", subjects::peer(SESSIONS, true)),
    ];
    let routers = all
        .iter()
        .map(|(_, subject)| subject.router.clone())
        .collect();
    let (addresses, server_thread) = serve(routers)?;
    let client = Builder::new_current_thread().enable_all().build()?;
    let mut loads = Vec::new();
    for ((_, subject), address) in all.iter().zip(addresses) {
        loads.push(Load::connect(&client, address, subject)?);
    }
    let mut rounds = vec![(Vec::new(), Vec::new()); loads.len()];
    for round in 0..=ROUNDS {
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
    report(&all.map(|(name, _)| name), &rounds)
}

fn report(names: &[&str], rounds: &[(Vec<f64>, Vec<f64>)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let requests = (CONNECTIONS * EACH) as f64;
    writeln!(
        out,
        "HTTP, live read, {SESSIONS} sessions, {CONNECTIONS} connections, medians of {ROUNDS}"
    )?;
    let Some((bare_wall, bare_processor)) = rounds.first() else {
        return Ok(());
    };
    for (name, (wall, processor)) in names.iter().zip(rounds) {
        let of_bare =
            |bare: &[f64], own: &[f64]| median(bare.iter().zip(own).map(|(bare, own)| bare / own));
        writeln!(
            out,
            "  {name:<24} {:>7.0} a second, {:.2} of bare; {:>6.0} ns of processor, {:.2} of bare",
            requests / median(wall.iter().copied()),
            of_bare(bare_wall, wall),
            median(processor.iter().copied()) / requests,
            of_bare(bare_processor, processor),
        )?;
    }
    writeln!(out)
}

/// Starts the servers; their addresses, and where the system tells of their thread.
fn serve(routers: Vec<Router>) -> io::Result<(Vec<SocketAddr>, String)> {
    let mut addresses = Vec::new();
    let mut listeners = Vec::new();
    for _ in &routers {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        addresses.push(listener.local_addr()?);
        listeners.push(listener);
    }
    let (send, receive) = mpsc::channel();
    thread::spawn(move || -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let itself = fs::read_link("/proc/thread-self")?;
        let _ = send.send(format!("/proc/{}/schedstat", itself.display()));
        runtime.block_on(async move {
            let mut servers = Vec::new();
            for (router, listener) in routers.into_iter().zip(listeners) {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                servers.push(tokio::spawn(axum::serve(listener, router).into_future()));
            }
            for server in servers {
                let _ended = server.await;
            }
            Ok(())
        })
    });
    Ok((addresses, receive.recv().map_err(io::Error::other)?))
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
}

impl Load {
    fn connect(client: &Runtime, address: SocketAddr, subject: &Subjected) -> io::Result<Self> {
        let mut connections = Vec::new();
        for cookie in subject.cookies.iter().take(CONNECTIONS) {
            let stream = client.block_on(TcpStream::connect(address))?;
            stream.set_nodelay(true)?;
            let cookie = cookie.to_str().map_err(io::Error::other)?;
            let request = format!(
                "GET /account HTTP/1.1\r\nhost: {address}\r\naccept: */*\r\ncookie: {cookie}\r\n\r\n"
            );
            connections.push((Some(stream), request.into_bytes()));
        }
        Ok(Self { connections })
    }

    /// [`EACH`] requests on each connection, one after another.
    fn run(&mut self, client: &Runtime) -> io::Result<()> {
        client.block_on(async {
            let asking: Vec<_> = self
                .connections
                .iter_mut()
                .filter_map(|(stream, request)| {
                    let (stream, request) = (stream.take()?, request.clone());
                    Some(tokio::spawn(ask(stream, request)))
                })
                .collect();
            for ((place, _), asking) in self.connections.iter_mut().zip(asking) {
                *place = Some(asking.await??);
            }
            Ok(())
        })
    }
}

async fn ask(mut stream: TcpStream, request: Vec<u8>) -> io::Result<TcpStream> {
    let mut buffer = vec![0; 4_096];
    for _ in 0..EACH {
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

const SESSIONS: usize = 10_000;
const CONNECTIONS: usize = 32;
const EACH: usize = 50;
const ROUNDS: usize = 60;
