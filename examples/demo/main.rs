//! The back office of a small online bank: adjourn at work in an axum application.
//!
//! ```text
//! cargo run --example demo
//! cargo run --example demo -- --idle 30s --max-sessions 2:end-oldest
//! cargo run --example demo --features sqlite -- --store sqlite:bank.db
//! ```
//!
//! Then open <http://localhost:3000>. `--help` lists the flags, the log-in page the users. Two nodes of
//! one bank, in two terminals: what ends on one is cut on the other.
//!
//! ```text
//! cargo run --example demo --features redis -- --store redis://127.0.0.1/ --node a
//! cargo run --example demo --features redis -- --store redis://127.0.0.1/ --node b --listen 127.0.0.1:3001
//! ```
//!
//! Read in this order: [`sessions`] configures adjourn on a [`store`], [`routes`] puts it around the application,
//! [`log_in`] starts and ends sessions, [`account`] shows something that needs one, [`help`] what may be
//! stored all the same, [`my_sessions`] and [`admin`] end other sessions, and [`exits`] says what people
//! read then. What goes with a session: the connections in [`streams`], the
//! files in [`scratch`], the permissions in [`rights`]. [`feed`] takes part in the audit trail. The
//! rest is what any application has.

mod account;
mod admin;
mod api;
mod assets;
mod bank;
mod client;
mod debug;
mod exits;
mod feed;
mod flags;
mod help;
mod home;
mod live;
mod log_in;
mod my_sessions;
mod own_site;
mod page;
mod refused;
mod rights;
mod routes;
mod scratch;
mod sessions;
mod stop;
mod store;
mod streams;
mod token;
mod users;

use bank::Bank;
use flags::{Asked, Flags};
use std::{
    env,
    error::Error,
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    process::ExitCode,
};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = match Flags::parse(env::args_os().skip(1)) {
        Ok(Asked::Run(flags)) => flags,
        Ok(Asked::Help) => return say(io::stdout(), flags::HELP, 0),
        Err(wrong) => return say(io::stderr(), &wrong.to_string(), 2),
    };
    // What adjourn records of sessions (target `adjourn::audit`) goes through `tracing` like the
    // rest. `RUST_LOG=debug` shows every request.
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()))
        .init();
    let bank = match sessions::bank(&flags).await {
        Ok(bank) => bank,
        Err(wrong) => return say(io::stderr(), &wrong.to_string(), 2),
    };
    match serve(&flags, bank).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(io::stderr(), &error.to_string(), 1),
    }
}

async fn serve(flags: &Flags, bank: Bank) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(flags.listen)
        .await
        .map_err(|error| format!("--listen: cannot listen on {}: {error}", flags.listen))?;
    let app = routes::routes(bank.clone());
    // Before anybody is told that the server is there: a signal from then on must not be missed.
    let stop = stop::signal()?;
    announce(listener.local_addr()?)?;

    // Otherwise the sweeper starts with the first request.
    bank.sessions.start();
    // The address of the peer is part of what is known of a session.
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    stop::serve_until(stop, &bank, listener, app).await?;

    // Last: waits for endings that are under way, so that no hook and no audit record is lost.
    let _left = bank.sessions.shutdown().await;
    Ok(())
}

/// Tests and scripts wait for this line, and read the port from it.
fn announce(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()
}

fn say(mut to: impl Write, text: &str, status: u8) -> ExitCode {
    // Nobody may be reading any more; the status says it, too.
    let _ = writeln!(to, "{}", text.trim_end());
    ExitCode::from(status)
}
