//! Detects common passwords, which attackers try first.
//!
//! - The list is generated from about 450 words and 60 phrases (`words.txt`, `phrases.txt`), written for this
//!   project, with usual prefixes and suffixes: digits, years, an exclamation mark, a repetition.
//! - Digits and signs in place of letters are read as letters.
//! - Keyboard walks and repetitions of any length are detected by rule.
//! - Entries of fewer than 8 characters are omitted: no password policy accepts them.

use std::collections::HashSet;
use std::sync::LazyLock;

const WORDS: &str = include_str!("words.txt");
const PHRASES: &str = include_str!("phrases.txt");
/// Minimum length of a list entry, in code points.
const ENTRY_CHARS_MIN: usize = 8;
/// Usual suffixes of a word, besides years.
const ENDINGS: &[&str] = &[
    "",
    "!",
    "!!",
    ".",
    "?",
    "0",
    "00",
    "000",
    "007",
    "01",
    "1",
    "1!",
    "10",
    "100",
    "11",
    "111",
    "12",
    "12!",
    "123",
    "123!",
    "1234",
    "12345",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "13",
    "2",
    "21",
    "22",
    "23",
    "3",
    "321",
    "5",
    "666",
    "69",
    "7",
    "77",
    "777",
    "8",
    "88",
    "9",
    "99",
    "999",
    "@123",
    "#1",
    "_1",
];
const YEARS: std::ops::RangeInclusive<u32> = 1950..=2035;
/// Usual prefixes of a word.
const BEGINNINGS: &[&str] = &["my", "the", "ilove", "i love ", "new", "super", "123", "1"];
/// Walks along keyboard rows (of several countries), keyboard columns, the alphabet and the digits. They are
/// also matched backwards.
const WALKS: &[&str] = &[
    "1234567890123456789012345678901234567890",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "!@#$%^&*()_+",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "zaq12wsxcde34rfvbgt56yhnmju78ik,.lo90p;/",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgbyhnujmikolp",
    "147258369",
];
/// Minimum length of a piece of a walk, in code points.
const WALK_CHARS_MIN: usize = 3;
/// A password that only repeats a unit of at most this many code points is common.
const UNIT_CHARS_MAX: usize = 4;

static WORD_SET: LazyLock<HashSet<&'static str>> = LazyLock::new(|| WORDS.split_whitespace().collect());
static ENTRIES: LazyLock<HashSet<String>> = LazyLock::new(|| entries().collect());
static WALK_SET: LazyLock<Vec<String>> = LazyLock::new(|| {
    let backwards = WALKS.iter().map(|walk| walk.chars().rev().collect());
    WALKS.iter().map(|walk| (*walk).to_owned()).chain(backwards).collect()
});

fn entries() -> impl Iterator<Item = String> {
    let words = WORDS.split_whitespace().flat_map(|word| {
        let ended = ENDINGS.iter().map(move |ending| format!("{word}{ending}"));
        let years = YEARS.flat_map(move |year| [format!("{word}{year}"), format!("{word}{year}!")]);
        let begun = BEGINNINGS.iter().map(move |beginning| format!("{beginning}{word}"));
        ended.chain(years).chain(begun).chain([word.repeat(2), word.repeat(3), format!("{word} {word}")])
    });
    let phrases = PHRASES
        .lines()
        .flat_map(|phrase| ["", "1", "12", "123", "!", "1!"].iter().map(move |end| format!("{phrase}{end}")));
    words.chain(phrases).filter(|entry| entry.chars().count() >= ENTRY_CHARS_MIN)
}

/// Whether a lower-case password is common.
pub(super) fn is_common(password: &str) -> bool {
    let letters = as_letters(password);
    [password, &letters].into_iter().any(|text| {
        let core = text.trim_matches(|c: char| !c.is_alphabetic());
        ENTRIES.contains(text) || is_word_again(text) || is_word_again(core) || is_walk(text)
    }) || has_short_unit(password)
}

/// Replaces digits and signs that stand for letters.
fn as_letters(text: &str) -> String {
    // Trailing digits and signs are a suffix.
    let core = text.trim_end_matches(|c: char| !c.is_alphabetic());
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        other => other,
    };
    core.chars().map(letter).collect::<String>() + &text[core.len()..]
}

/// Whether the text is one common word, possibly repeated, each time with an optional ending.
fn is_word_again(text: &str) -> bool {
    let unit = unit(text);
    let word = unit.trim_matches(|c: char| !c.is_alphabetic());
    WORD_SET.contains(word) || (ENTRIES.contains(unit))
}

/// The shortest prefix whose repetition gives the text; the last repetition may be truncated.
fn unit(text: &str) -> &str {
    let bytes = text.as_bytes();
    let repeats = |period: usize| bytes.iter().zip(&bytes[period..]).all(|(one, next)| one == next);
    let boundaries = text.char_indices().map(|(index, _)| index).skip(1);
    let period = boundaries.take_while(|index| *index <= text.len() / 2).find(|index| repeats(*index));
    &text[..period.unwrap_or(text.len())]
}

fn has_short_unit(text: &str) -> bool {
    let unit = unit(text);
    unit.len() < text.len() && unit.chars().count() <= UNIT_CHARS_MAX
}

/// Whether the text consists of pieces of walks only.
fn is_walk(text: &str) -> bool {
    let starts: Vec<usize> = text.char_indices().map(|(index, _)| index).chain([text.len()]).collect();
    // Whether the text before each start consists of pieces.
    let mut reached = vec![false; starts.len()];
    reached[0] = true;
    for end in WALK_CHARS_MIN..starts.len() {
        // The longest walk has 52 characters.
        let first = end.saturating_sub(52);
        reached[end] = (first..=end - WALK_CHARS_MIN).any(|begin| {
            let piece = &text[starts[begin]..starts[end]];
            reached[begin] && WALK_SET.iter().any(|walk| walk.contains(piece))
        });
    }
    !text.is_empty() && reached[starts.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_and_of_admissible_lengths() {
        assert!(WORD_SET.len() > 400, "{}", WORD_SET.len());
        assert!(ENTRIES.len() > 3000, "{}", ENTRIES.len());
        let long = ENTRIES.iter().filter(|entry| entry.chars().count() >= 15).count();
        assert!(long > 1000, "{long} are of use where a password is the only factor");
        let lower = |entry: &String| entry.to_lowercase() == *entry;
        assert!(ENTRIES.iter().all(|entry| entry.chars().count() >= ENTRY_CHARS_MIN && lower(entry)));
    }

    #[test]
    fn every_entry_is_common_in_any_disguise() {
        for entry in ENTRIES.iter().step_by(97) {
            assert!(is_common(entry), "{entry}");
        }
        for word in ["password", "dragon99", "football2024!"] {
            let disguised = word.replace('a', "@").replace('o', "0");
            assert!(is_common(&disguised), "{disguised}");
        }
    }

    #[test]
    fn good_passwords_are_not() {
        for text in [
            "sailing over lemon hills",
            "zylvqdwnbx",
            "dragonfly pond at dusk",
            "k7#mp2vx9q",
            "master of none of it",
            "the password to my shed",
            "qwertyland is flat",
            "",
            "zq",
            "字字字字母母母",
        ] {
            assert!(!is_common(text), "{text}");
        }
    }

    #[test]
    fn units_are_the_shortest() {
        for (text, expected) in
            [("aaaa", "a"), ("abab", "ab"), ("ababa", "ab"), ("abc", "abc"), ("", ""), ("éé", "é")]
        {
            assert_eq!(unit(text), expected);
        }
    }
}
