//! The fields of a session as a script packs them: in one string, which costs the server and the node less than 25.
//!
//! `cmsgpack.pack` of an array, each part a string, or `false` where there is no such field: of `MessagePack` nothing
//! else is read. Whatever the input, reading it neither fails otherwise than by [`None`] nor looks past its end.

use std::ops::Range;

/// Where the fields stand, if the input is an array of exactly `N` of them, and nothing after it.
pub(super) fn places<const N: usize>(packed: &[u8]) -> Option<[Option<Range<usize>>; N]> {
    let mut reader = Reader {
        rest: packed,
        read: 0,
    };
    if reader.count()? != N {
        return None;
    }
    let mut places = [const { None }; N];
    for place in &mut places {
        *place = reader.field()?;
    }
    reader.rest.is_empty().then_some(places)
}

struct Reader<'a> {
    rest: &'a [u8],
    read: usize,
}

impl Reader<'_> {
    fn count(&mut self) -> Option<usize> {
        match self.byte()? {
            short @ 0x90..=0x9f => Some(usize::from(short & 0x0f)),
            0xdc => self.number::<2>(),
            _ => None,
        }
    }

    /// `None` in it for a field that is not there.
    #[expect(clippy::option_option, reason = "unreadable, missing, or there")]
    fn field(&mut self) -> Option<Option<Range<usize>>> {
        let len = match self.byte()? {
            0xc2 => return Some(None),
            short @ 0xa0..=0xbf => usize::from(short & 0x1f),
            0xd9 => self.number::<1>()?,
            0xda => self.number::<2>()?,
            0xdb => self.number::<4>()?,
            _ => return None,
        };
        let from = self.read;
        self.skip(len)?;
        Some(Some(from..self.read))
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.rest.first()?;
        self.skip(1)?;
        Some(byte)
    }

    /// Of at most four bytes, the highest first.
    fn number<const LEN: usize>(&mut self) -> Option<usize> {
        let bytes = *self.rest.first_chunk::<LEN>()?;
        self.skip(LEN)?;
        let number = bytes
            .iter()
            .fold(0, |high, low| high << 8 | u32::from(*low));
        usize::try_from(number).ok()
    }

    fn skip(&mut self, len: usize) -> Option<()> {
        self.rest = self.rest.get(len..)?;
        self.read += len;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, option, prelude::*};

    /// As the server packs them.
    fn pack(fields: &[Option<Vec<u8>>]) -> Vec<u8> {
        let count = u16::try_from(fields.len()).unwrap();
        let mut packed = match count {
            0..=15 => vec![0x90 | u8::try_from(count).unwrap()],
            _ => [&[0xdc][..], &count.to_be_bytes()].concat(),
        };
        for field in fields {
            let Some(field) = field else {
                packed.push(0xc2);
                continue;
            };
            let len = u32::try_from(field.len()).unwrap();
            let [_, _, high, low] = len.to_be_bytes();
            match len {
                0..=31 => packed.push(0xa0 | low),
                32..=255 => packed.extend([0xd9, low]),
                256..=65_535 => packed.extend([0xda, high, low]),
                _ => packed.extend([&[0xdb][..], &len.to_be_bytes()].concat()),
            }
            packed.extend(field);
        }
        packed
    }

    fn read<const N: usize>(packed: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
        let field = |place: Option<Range<usize>>| place.map(|place| packed[place].to_vec());
        places::<N>(packed).map(|places| places.map(field).to_vec())
    }

    fn field() -> impl Strategy<Value = Option<Vec<u8>>> {
        let len = prop_oneof![0..40_usize, 250..260_usize, 65_530..65_540_usize];
        option::of(len.prop_flat_map(|len| vec(any::<u8>(), len)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_packed_is_read(fields in vec(field(), 25), short in vec(field(), 3)) {
            prop_assert_eq!(read::<25>(&pack(&fields)), Some(fields.clone()));
            prop_assert_eq!(read::<3>(&pack(&short)), Some(short));
            prop_assert_eq!(read::<24>(&pack(&fields)), None);
        }

        #[test]
        fn what_is_cut_off_or_goes_on_is_refused(fields in vec(option::of(vec(any::<u8>(), 0..40)), 25), more in any::<u8>()) {
            let mut packed = pack(&fields);
            for len in 0..packed.len() {
                prop_assert_eq!(places::<25>(&packed[..len]), None);
            }
            packed.push(more);
            prop_assert_eq!(places::<25>(&packed), None);
        }

        #[test]
        fn whatever_is_read_no_place_is_past_the_end(
            mut packed in vec(any::<u8>(), 0..200),
            of_strings in any::<bool>(),
        ) {
            if of_strings {
                packed.splice(..0, [0x92]);
            }
            if let Some(places) = places::<2>(&packed) {
                prop_assert!(places.into_iter().flatten().all(|place| packed.get(place).is_some()));
            }
        }
    }

    #[test]
    fn another_kind_of_value_is_refused() {
        for packed in [
            &b"\x91\x2a"[..],
            b"\x91\xc0",
            b"\x91\xc3",
            b"\x91\x90",
            b"\x81\xa0\xa0",
            b"\xdd\0\0\0\x01\xa0",
            b"",
        ] {
            assert_eq!(places::<1>(packed), None, "{packed:?}");
        }
        assert_eq!(places::<1>(b"\x91\xdb\xff\xff\xff\xff"), None);
    }
}
