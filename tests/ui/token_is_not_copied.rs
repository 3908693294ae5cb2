//! A token is not cloned either: each copy would have to be erased.

use adjourn::id::{SessionId, Token};

fn main() {
    let token = Token::new(SessionId::random().unwrap()).unwrap();
    let _copy = token.clone(); //~ E0599
}
