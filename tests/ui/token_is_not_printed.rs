//! A token is a credential: it has no `Display`, so that no log line shows one by accident.

use adjourn::id::{SessionId, Token};

fn main() {
    let token = Token::new(SessionId::random().unwrap()).unwrap();
    println!("{token}"); //~ E0277
}
