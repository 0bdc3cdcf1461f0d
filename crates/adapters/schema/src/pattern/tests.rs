//! Tests of patterns against ECMA-262.

use super::{Fault, Pattern, parse};

fn matches(pattern: &str, text: &str) -> bool {
    let compiled = Pattern::new(pattern).unwrap_or_else(|fault| panic!("{pattern}: {fault}"));
    compiled.is_match(text, &mut |_| true).expect("it may take what it takes")
}

#[test]
fn signs_mean_what_ecma_says() {
    for (pattern, good, bad) in [
        (".", "a\u{e9}", "\r"),
        ("^.$", "\u{1f600}", "\u{2028}"),
        ("^\\d$", "7", "\u{663}"),
        ("^\\D$", "\u{663}", "7"),
        ("^\\w$", "_", "\u{e9}"),
        ("^\\s$", "\u{feff}", "\u{85}"),
        ("^\\s$", "\u{2029}", "\u{200b}"),
        ("^\\S$", "\u{85}", "\u{a0}"),
        ("^[\\b]$", "\u{8}", "b"),
        ("^[^]$", "\n", ""),
        ("^a[]?$", "a", "ab"),
        ("^\\cA$", "\u{1}", "A"),
        ("^\\x41\\u0042\\u{43}\\u{000044}$", "ABCD", "abcd"),
        ("^\\ud83d\\ude00$", "\u{1f600}", "x"),
        ("^[\\ud800-\\ue000]$", "\u{e000}", "a"),
        ("^\\0$", "\0", "0"),
        ("\\bfoo\\b", "a foo b", "afoo"),
        ("^\\p{L}+$", "\u{e9}a", "1"),
        ("^\\p{Script=Greek}$", "\u{3b1}", "a"),
        ("^\\P{Lu}$", "a", "A"),
        ("^[\\p{Nd}-]$", "-", "a"),
        ("^\\p{Letter}$", "a", "1"),
        ("^(?:a|b){2,3}$", "aba", "a"),
        ("^(?<year>\\d{4})$", "2026", "202"),
        ("a$", "ba", "a\n"),
        ("^a", "ab", "\na"),
        ("^[a-c\\-]$", "-", "d"),
        ("^[$^.]$", "^", "a"),
        ("^\\/$", "/", "a"),
    ] {
        assert!(matches(pattern, good), "{pattern} {good:?}");
        assert!(!matches(pattern, bad), "{pattern} {bad:?}");
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    for pattern in [
        "\\z",
        "\\A",
        "\\Z",
        "\\G",
        "(?i)a",
        "(?i:a)",
        "(?P<n>a)",
        "a++",
        "a**",
        "a{,3}",
        "a{",
        "{",
        "}",
        "]",
        "a{2,1}",
        "\\a",
        "\\e",
        "\\-",
        "\\_",
        "\\1",
        "\\k<n>",
        "\\01",
        "\\x4",
        "\\u12",
        "\\u{110000}",
        "\\p{Greek}",
        "\\p{letter}",
        "\\pL",
        "\\p{IsL}",
        "[a-\\d]",
        "[z-a]",
        "[a",
        "(a",
        "a)",
        "*a",
        "(?<n>a)(?<n>b)",
        "[[:alpha:]]\\h",
        "\\c1",
        "\\",
        "^*",
        "\\b+",
    ] {
        assert!(matches!(parse(pattern), Err(Fault::Syntax { .. })), "{pattern}: {:?}", parse(pattern));
    }
}

#[test]
fn what_is_not_linear_is_refused_by_name() {
    for pattern in ["(?=a)b", "(?!a)b", "(?<=a)b", "(?<!a)b"] {
        assert_eq!(parse(pattern), Err(Fault::Unsupported("look-around")), "{pattern}");
    }
    for pattern in ["(a)\\1", "\\1(a)", "(?<n>a)\\k<n>"] {
        assert_eq!(parse(pattern), Err(Fault::Unsupported("back-references")), "{pattern}");
    }
    assert!(Pattern::new(&format!("{}a{}", "(".repeat(200), ")".repeat(200))).is_err());
    assert!(Pattern::new("((a{1,500}){1,500}){1,500}").is_err());
}

/// When the DFA falls back, the match is charged by the size of the NFA.
#[test]
fn a_match_is_charged_for() {
    let pattern = Pattern::new("[ab]*a[ab]{300}c").expect("a pattern");
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { 'a' } else { 'b' }
    };
    let text: String = (0..100_000).map(next).collect();
    let mut spent = 0_u64;
    let found = pattern.is_match(&text, &mut |steps| {
        spent += steps;
        spent < 100_000
    });
    assert_eq!(found, None);
    assert!(spent > 1_000_000, "{spent}");
}
