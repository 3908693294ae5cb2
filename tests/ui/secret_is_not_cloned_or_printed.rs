//! The secret of a token is erased when dropped: no copy of it is to be had, and no text.

fn is_cloned<T: Clone>() {}
fn is_printed<T: std::fmt::Display>() {}

fn main() {
    is_cloned::<adjourn::id::Secret>(); //~ E0277
    is_printed::<adjourn::id::Secret>(); //~ E0277
    is_printed::<adjourn::id::SecretHash>(); //~ E0277
}
