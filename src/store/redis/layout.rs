//! How a session is stored: one string, which a script reads with one command and takes apart with one `struct.unpack`.
//!
//! Every string that passes between the server and a script costs the server's one thread; a hash of as many fields costs
//! it twice as much. First what a check-in judges, of fixed width up to the subject, so that a touch writes eight bytes in
//! place; then the rest. Whatever the input, reading it neither fails otherwise than by a [`Fault`] nor looks past its end.

use crate::store::{codec::Unreadable, stored::Fault};

/// Which field it is: what it is called in [`Columns`](crate::store::stored::Columns), and in the scripts.
struct Field {
    column: &'static str,
    name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// As they are, with their length before them.
    Bytes,
    Hash,
    /// Of eight bytes, the highest first.
    Number,
}

impl Kind {
    const fn field(self, column: &'static str, name: &'static str) -> Field {
        Field {
            column,
            name,
            kind: self,
        }
    }

    /// For `struct.unpack`.
    const fn form(self) -> &'static str {
        match self {
            Self::Bytes => "I4c0",
            Self::Hash => "c32",
            Self::Number => "i8",
        }
    }

    /// What stands where there is no such field, in a script.
    const fn nothing(self) -> &'static str {
        match self {
            Self::Bytes => "''",
            Self::Hash => "NO_HASH",
            Self::Number => "-1",
        }
    }

    /// What it takes at least, and always but for [`Bytes`](Self::Bytes).
    const fn width(self) -> usize {
        match self {
            Self::Bytes => 4,
            Self::Hash => 32,
            Self::Number => 8,
        }
    }
}

/// In the order in which they are stored.
const FIELDS: [Field; 25] = [
    Kind::Hash.field("secret", "s"),
    Kind::Hash.field("previous", "p"),
    Kind::Number.field("previous_until", "pu"),
    Kind::Number.field("generation", "g"),
    Kind::Number.field("last_seen", "l"),
    Kind::Number.field("created_at", "c"),
    Kind::Number.field("idle_timeout", "i"),
    Kind::Number.field("touch_interval", "w"),
    Kind::Number.field("absolute_deadline", "a"),
    Kind::Number.field("ended_at", "e"),
    Kind::Number.field("claim", "q"),
    Kind::Bytes.field("subject", "u"),
    Kind::Number.field("authenticated_at", "n"),
    Kind::Number.field("began", "b"),
    Kind::Number.field("revision", "r"),
    Kind::Number.field("cut", "ek"),
    Kind::Number.field("due_at", "ed"),
    Kind::Number.field("taken_over", "qo"),
    Kind::Bytes.field("client", "cl"),
    Kind::Bytes.field("vals", "d"),
    Kind::Bytes.field("grants", "gr"),
    Kind::Bytes.field("left_behind", "lb"),
    Kind::Bytes.field("last_update", "o"),
    Kind::Bytes.field("cause", "ec"),
    Kind::Bytes.field("attempt", "et"),
];

/// How many of them a check-in judges: the first, up to the subject.
const JUDGED: usize = 12;

/// What every session begins with, and then the number of the format.
const BEGINNING: [u8; 2] = *b"aj";

/// The format that is written, and the newest that is read.
const FORMAT: u8 = 1;

/// A number that is not there. None that is there is negative.
const NO_NUMBER: i64 = -1;

/// A hash that is not there.
const NO_HASH: [u8; 32] = [0; 32];

/// The fields of one session.
pub(super) struct Fields<'a>([&'a [u8]; FIELDS.len()]);

impl<'a> Fields<'a> {
    /// # Errors
    /// No session of this format, and nothing else.
    pub(super) fn of(stored: &'a [u8]) -> Result<Self, Fault> {
        let rest = stored
            .strip_prefix(&BEGINNING)
            .and_then(<[u8]>::split_first);
        let mut rest = match rest {
            Some((&FORMAT, rest)) => rest,
            Some((&format, _)) if format > FORMAT => {
                let (what, found) = ("a session", u32::from(format));
                return Err(Unreadable::Newer { what, found }.into());
            }
            _ => return Err(Fault::of("format")),
        };
        let mut fields = [&[][..]; FIELDS.len()];
        for (found, field) in fields.iter_mut().zip(&FIELDS) {
            let part = part(rest, field.kind).ok_or_else(|| Fault::of(field.column))?;
            (*found, rest) = part;
        }
        if rest.is_empty() {
            Ok(Self(fields))
        } else {
            Err(Fault::of("format"))
        }
    }

    /// Whether it looks like a session, of whatever format.
    pub(super) fn begin(stored: &[u8]) -> bool {
        stored.starts_with(&BEGINNING)
    }

    /// `None` where there is no such field.
    pub(super) fn bytes(&self, column: &str) -> Option<&'a [u8]> {
        let mut fields = FIELDS.iter().zip(self.0);
        let (field, bytes) = fields.find(|(field, _)| field.column == column)?;
        let is_there = match field.kind {
            Kind::Bytes => !bytes.is_empty(),
            Kind::Hash => bytes != NO_HASH,
            Kind::Number => true,
        };
        is_there.then_some(bytes)
    }

    /// # Errors
    /// Negative.
    pub(super) fn number(&self, column: &str) -> Result<Option<i64>, Fault> {
        let number = self.bytes(column).map(<[u8; 8]>::try_from).transpose();
        let number = number.map_err(|_| Fault::of(column))?;
        match number.map(i64::from_be_bytes) {
            None | Some(NO_NUMBER) => Ok(None),
            Some(number) if number >= 0 => Ok(Some(number)),
            Some(_) => Err(Fault::of(column)),
        }
    }
}

/// A field, and what is behind it.
fn part(stored: &[u8], kind: Kind) -> Option<(&[u8], &[u8])> {
    let (len, rest) = match kind {
        Kind::Bytes => {
            let (len, rest) = stored.split_first_chunk()?;
            (usize::try_from(u32::from_be_bytes(*len)).ok()?, rest)
        }
        Kind::Hash | Kind::Number => (kind.width(), stored),
    };
    rest.split_at_checked(len)
}

/// Puts what the scripts know of the layout into one of them.
pub(super) fn fill(code: &str) -> String {
    let [first, second] = BEGINNING.map(char::from);
    code.replace("@format@", &format!("{first}{second}\\{FORMAT}"))
        .replace("@layout@", &layout(&FIELDS))
        .replace("@names@", &names(&FIELDS, "'"))
        .replace("@nothing@", &nothing())
        .replace("@layout judged@", &layout(&FIELDS[..JUDGED]))
        .replace("@judged@", &names(&FIELDS[..JUDGED], ""))
        .replace("@place of l@", &place("l").to_string())
        .replace("@place of pu@", &place("pu").to_string())
}

fn layout(fields: &[Field]) -> String {
    let forms = fields.iter().map(|field| field.kind.form());
    format!(">c{}{}", BEGINNING.len() + 1, forms.collect::<String>())
}

fn names(fields: &[Field], quote: &str) -> String {
    let names = fields.iter().map(|field| field.name);
    let names: Vec<_> = names.map(|name| format!("{quote}{name}{quote}")).collect();
    names.join(",")
}

fn nothing() -> String {
    let nothing = FIELDS
        .iter()
        .map(|field| (field.name, field.kind.nothing()));
    let nothing: Vec<_> = nothing.map(|(name, it)| format!("{name}={it}")).collect();
    nothing.join(",")
}

/// Where a field begins, for `SETRANGE`: one before which all are of fixed width.
fn place(name: &str) -> usize {
    let before = FIELDS.iter().take_while(|field| field.name != name);
    BEGINNING.len() + 1 + before.map(|field| field.kind.width()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    /// As the server packs it.
    fn packed(fields: &[Vec<u8>]) -> Vec<u8> {
        let mut packed = b"aj\x01".to_vec();
        for (field, bytes) in FIELDS.iter().zip(fields) {
            if matches!(field.kind, Kind::Bytes) {
                packed.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
            }
            packed.extend(bytes);
        }
        packed
    }

    fn fields(longest: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
        let field = move |field: &Field| match field.kind {
            Kind::Bytes => vec(any::<u8>(), 0..longest),
            Kind::Hash | Kind::Number => vec(any::<u8>(), field.kind.width()),
        };
        FIELDS.iter().map(field).collect::<Vec<_>>()
    }

    fn fault(stored: &[u8]) -> String {
        Fields::of(stored).err().unwrap().to_string()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_packed_is_read(stored in fields(600)) {
            let packed = packed(&stored);
            let read = Fields::of(&packed).unwrap();
            for (field, bytes) in FIELDS.iter().zip(&stored) {
                prop_assert_eq!(read.bytes(field.column).unwrap_or_default(), bytes);
                if let (Kind::Number, Ok(bytes)) = (field.kind, bytes.as_slice().try_into()) {
                    let number = i64::from_be_bytes(bytes);
                    prop_assert_eq!(read.number(field.column).ok(), (number >= 0).then_some(Some(number)));
                }
            }
        }

        #[test]
        fn what_is_cut_off_or_goes_on_is_refused(stored in fields(40), more in any::<u8>()) {
            let mut packed = packed(&stored);
            for len in 0..packed.len() {
                prop_assert!(Fields::of(&packed[..len]).is_err());
            }
            packed.push(more);
            prop_assert!(Fields::of(&packed).is_err());
        }

        #[test]
        fn whatever_is_read_nothing_fails_otherwise(mut stored in vec(any::<u8>(), 0..400), is_ours in any::<bool>()) {
            if is_ours {
                stored.splice(..0, *b"aj\x01");
            }
            if let Ok(fields) = Fields::of(&stored) {
                prop_assert!(FIELDS.iter().all(|field| fields.bytes(field.column).is_none_or(|it| it.len() <= stored.len())));
            }
        }
    }

    #[test]
    fn what_is_not_there_is_nothing() {
        let nothing = |field: &Field| match field.kind {
            Kind::Bytes => Vec::new(),
            Kind::Hash => NO_HASH.to_vec(),
            Kind::Number => NO_NUMBER.to_be_bytes().to_vec(),
        };
        let packed = packed(&FIELDS.iter().map(nothing).collect::<Vec<_>>());
        let fields = Fields::of(&packed).unwrap();
        for field in &FIELDS {
            match field.kind {
                Kind::Bytes | Kind::Hash => assert_eq!(fields.bytes(field.column), None),
                Kind::Number => assert_eq!(fields.number(field.column).unwrap(), None),
            }
        }
        assert_eq!(fields.bytes("unheard-of"), None);
    }

    #[test]
    fn what_is_foreign_or_newer_is_named() {
        for foreign in [&b""[..], b"a", b"aj", b"aj\0", b"AJ\x01", b"hello"] {
            assert!(fault(foreign).contains("\"format\""), "{foreign:?}");
        }
        assert!(fault(b"aj\x02 whatever").contains("newer version"));
        assert!(fault(b"aj\x01").contains("\"secret\""));
    }

    /// What is stored must be read by later versions: another layout is another format.
    #[test]
    fn the_layout_is_that_of_its_format() {
        assert_eq!(
            fill("@format@ @layout@ @names@"),
            "aj\\1 >c3c32c32i8i8i8i8i8i8i8i8i8I4c0i8i8i8i8i8i8I4c0I4c0I4c0I4c0I4c0I4c0I4c0 \
             's','p','pu','g','l','c','i','w','a','e','q','u','n','b','r','ek','ed','qo','cl','d','gr','lb','o','ec','et'"
        );
        assert_eq!(
            fill("@layout judged@ @judged@"),
            ">c3c32c32i8i8i8i8i8i8i8i8i8I4c0 s,p,pu,g,l,c,i,w,a,e,q,u"
        );
    }

    /// A script writes them in place: were a field of any length before them, it would overwrite another.
    #[test]
    fn what_is_written_in_place_has_a_place() {
        for (name, place) in [("pu", 67), ("l", 83)] {
            assert_eq!(fill(&format!("@place of {name}@")), place.to_string());
            let before = FIELDS.iter().take_while(|field| field.name != name);
            assert!(
                before
                    .clone()
                    .all(|field| !matches!(field.kind, Kind::Bytes))
            );
            assert!(before.count() < JUDGED);
        }
    }
}
