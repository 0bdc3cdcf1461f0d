//! Exact comparison of numbers by value, without rounding to binary fractions.

/// Whether two literals are the same number. Other literals are compared as text.
pub(super) fn equal(a: &str, b: &str) -> bool {
    match (Decimal::read(a), Decimal::read(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// The number `0.digits * 10^exponent`, without leading or trailing zeros in the digits; zero has no digits.
#[derive(Debug, Eq, PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Parses a literal; `None` if it is no number or its exponent exceeds 64 bits.
    fn read(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        text.starts_with(|c: char| c.is_ascii_digit()).then_some(())?;
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        if digits.is_empty() {
            return Some(Self { negative: false, digits: String::new(), exponent: 0 });
        }
        let leading = i64::try_from(all.len() - digits.len()).ok()?;
        let point = i64::try_from(whole.len()).ok()?;
        let exponent = exponent.parse::<i64>().ok()?.checked_add(point)?.checked_sub(leading)?;
        Some(Self { negative, digits: digits.trim_end_matches('0').to_owned(), exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::equal;

    #[test]
    fn numbers_are_compared_by_value() {
        for (a, b) in [
            ("1", "1.0"),
            ("1", "1e0"),
            ("1e3", "1000"),
            ("1E+3", "1000.000"),
            ("0.00120", "12e-4"),
            ("-0", "0.0e7"),
            ("18446744073709551616", "1.8446744073709551616e19"),
            ("true", "true"),
        ] {
            assert!(equal(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("1", "10"),
            ("0.1", "0.01"),
            ("9007199254740993", "9007199254740992"),
            ("18446744073709551616", "18446744073709551617"),
            ("0.30000000000000004", "0.3"),
            ("1e-99999999999999999999", "1e-99999999999999999998"),
            ("true", "false"),
            ("null", "0"),
        ] {
            assert!(!equal(a, b), "{a} {b}");
        }
    }
}
