//! Who is who: the [`Token`] a client holds, the [`SessionId`] everybody may see, and the
//! [`Subject`] a session belongs to. And the [`RequestId`], which connects records with logs.
//!
//! 1. A token is the public id followed by a secret: 16 + 32 bytes, 64 characters of base64url.
//! 2. The secret is never stored, printed or logged. Stores see its BLAKE3 hash, nothing else.
//! 3. What does not parse as a token is refused here, before any store is called.
//!
//! Knows nothing of cookies, headers or stores.

mod base64url;
mod request_id;
mod session_id;
mod subject;
mod token;

pub use request_id::RequestId;
pub use session_id::{InvalidSessionId, SessionId};
pub use subject::{InvalidSubject, Subject};
pub use token::{InvalidToken, Secret, SecretHash, Token};
