//! The secret of a token is erased when dropped: no copy of it is to be had, and no text.

fn is_cloned<T: Clone>() {}
fn is_printed<T: std::fmt::Display>() {}

fn main() {
    is_cloned::<adjourn::id::Secret>();
    is_printed::<adjourn::id::Secret>();
    is_printed::<adjourn::id::SecretHash>();
}
