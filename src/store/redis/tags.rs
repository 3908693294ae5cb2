//! The hash tags of the 256 shards: fixed for ever, since every key holds one.

/// Each tag's slot is 64 times its number, plus 32: however a cluster divides its slots, each master gets
/// an equal part of the shards. Found by trying all words of four letters.
#[rustfmt::skip]
pub(super) const TAGS: [&str; 256] = [
    "bguk", "achy", "bkiu", "aotg", "aegf", "bazt", "appp", "beor", "bfgj", "abzx", "bbrl", "anff",
    "adug", "bham", "ahiy", "bltk", "aoih", "bktz", "acuv", "bghd", "btpm", "aaoo", "binc", "aezi",
    "afrq", "bboc", "abgw", "bfze", "blid", "ahtv", "bqwj", "adhh", "bcyf", "agdt", "boex", "acqr",
    "aakk", "bevy", "amwu", "bijg", "bbkg", "afvu", "bnwy", "abcs", "ahpr", "bddx", "adll", "bhxf",
    "akee", "bgqo", "aopc", "bcdi", "biwh", "aecb", "bekv", "aavd", "ajwd", "bfcn", "afkz", "bbvh",
    "bhei", "adqc", "bdyw", "aqfu", "bgdi", "akpc", "bcqo", "aoee", "aevd", "bakv", "aacb", "bmwh",
    "bfvh", "abkz", "bbcn", "anwd", "adde", "bhpo", "aqss", "bdlq", "agqr", "bkex", "acdt", "bgyf",
    "bmjg", "aiwu", "bavy", "aekk", "afcs", "bjwy", "abvu", "bfkg", "blxf", "ahet", "bqfh", "adyj",
    "bchd", "aguv", "botz", "akih", "aazi", "bmnc", "aeoo", "bppm", "bbze", "afgw", "bfoc", "abrq",
    "ahap", "bduz", "altv", "bhid", "aktg", "boiu", "aghy", "bcuk", "baor", "atpp", "bezt", "aagf",
    "ajff", "bfrl", "afzx", "bbgj", "bhtk", "aliy", "bdhu", "aqww", "aefv", "bpyt", "aasp", "benb",
    "bvvk", "acii", "bkhe", "aouw", "adtw", "bqku", "ahhi", "eqkx", "bffz", "ajrp", "bjzd", "afnn",
    "besm", "aigg", "bafk", "amra", "aohx", "bkuj", "actf", "bgit", "bdal", "ahuf", "bqvz", "adix",
    "afsa", "bbns", "abfg", "bnrm", "aicc", "bewi", "amve", "babo", "bcxv", "aged", "bgmp", "acpb",
    "ahqb", "bdeh", "aldd", "bhyv", "bbjw", "afwe", "bnvi", "abbc", "bivx", "aebr", "bejf", "aawt",
    "acmm", "boyg", "agxk", "bcey", "bhdy", "adps", "bdxg", "ahlm", "ajvt", "bnkf", "afjj", "bbwx",
    "aewt", "bajf", "aabr", "bmvx", "bgey", "acxk", "bkyg", "agmm", "adeu", "bqzw", "ahyk", "bdma",
    "bfwx", "abjj", "bjkf", "anvt", "bebo", "aive", "bawi", "amcc", "agpb", "bcmp", "aced", "bgxv",
    "bdpn", "ahdd", "bhlp", "adxz", "afbc", "bjvi", "abwe", "bfjw", "aira", "befk", "amgg", "basm",
    "bcit", "agtf", "bouj", "akhx", "aqkh", "bdtj", "aluf", "bhht", "bjrm", "affg", "bfns", "absa",
    "banb", "aesp", "btyt", "aafv", "akuw", "bohe", "agii", "brvk", "bywk", "adaq", "bdie", "aqvg",
    "abnn", "bnzd", "anrp", "bbfz",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// CRC-16/XMODEM, as the cluster specification has it.
    fn slot(tag: &str) -> u16 {
        let shift = |crc: u16| (crc << 1) ^ ((crc >> 15) * 0x1021);
        let take = |crc: u16, byte: u8| {
            let crc = crc ^ (u16::from(byte) << 8);
            (0..8).fold(crc, |crc, _| shift(crc))
        };
        tag.bytes().fold(0, take) % 16_384
    }

    #[test]
    fn the_slots_are_spread_evenly() {
        assert_eq!(slot("123456789"), 0x31C3);
        for (number, tag) in TAGS.iter().enumerate() {
            assert_eq!(usize::from(slot(tag)), 64 * number + 32, "{tag}");
        }
    }
}
