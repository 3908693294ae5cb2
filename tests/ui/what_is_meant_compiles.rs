//! The same things put to their use compile: what the other cases fail at is their mistake.

use adjourn::{
    Farewell, Session, Sessions,
    audit::{BlockingSink, Event, NonBlocking, Queue, Sink},
    id::{Secret, SecretHash, SessionId, Token},
    session::LogOutError,
    store::MemoryStore,
};
use std::io;

struct Lines;

impl BlockingSink for Lines {
    fn write(&mut self, _: &Event) -> io::Result<()> {
        Ok(())
    }
}

struct Said;

impl NonBlocking for Said {}

impl Sink for Said {
    fn record(&self, _: &Event) {}
}

async fn end(session: Session) -> Result<Farewell, LogOutError> {
    Ok(session.log_out().await?.into())
}

fn is_debug<T: std::fmt::Debug>() {}

fn main() {
    let _end = end;
    let token = Token::new(SessionId::random().unwrap()).unwrap();
    println!("{:?} {}", token, token.id());
    is_debug::<Secret>();
    is_debug::<SecretHash>();
    let queue = Queue::builder(Lines).start().unwrap();
    let _queued = Sessions::builder(MemoryStore::new())
        .add_audit_sink(queue)
        .add_audit_sink(Said);
}
