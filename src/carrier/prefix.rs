//! Name prefixes: RFC 6265bis section 4.1.3, and those of layered cookies (`Http`), which some
//! browsers know.

/// A name prefix that makes browsers demand attributes. All demand `Secure`.
pub(super) struct Prefix {
    /// As the standard spells it.
    pub(super) text: &'static str,
    /// Demands `Path=/` and no `Domain`.
    pub(super) one_host: bool,
    /// Demands `HttpOnly`.
    pub(super) http_only: bool,
}

impl Prefix {
    /// Browsers compare prefixes without regard to case, although names differ by case.
    pub(super) fn is_start_of(&self, name: &str) -> bool {
        name.get(..self.text.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(self.text))
    }
}

/// All prefixes, the longer before what it starts with.
pub(super) const PREFIXES: [Prefix; 4] = [
    Prefix {
        text: "__Host-Http-",
        one_host: true,
        http_only: true,
    },
    Prefix {
        text: "__Host-",
        one_host: true,
        http_only: false,
    },
    Prefix {
        text: "__Http-",
        one_host: false,
        http_only: true,
    },
    Prefix {
        text: "__Secure-",
        one_host: false,
        http_only: false,
    },
];
