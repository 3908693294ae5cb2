//! Who ends a session looks at the receipt, or says that it does not.
#![deny(unused_must_use)]

use adjourn::{Farewell, Session};

async fn end(session: Session) {
    session.log_out().await.unwrap(); //~ unused_must_use
}

fn farewell() -> Farewell {
    unimplemented!()
}

fn main() {
    farewell(); //~ unused_must_use
}
