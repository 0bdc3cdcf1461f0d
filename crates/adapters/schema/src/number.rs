//! Exact decimal numbers of bounded size: comparison and division without rounding.

use num_bigint::BigUint;
use std::cmp::Ordering;
use std::fmt;

/// Maximum number of digits of a number that a schema examines.
pub const NUMBER_DIGITS_MAX: usize = 1000;
/// Maximum absolute exponent of such a number.
pub const NUMBER_EXPONENT_MAX: i64 = 1000;

/// `digits * 10^exponent`, without leading or trailing zeros; zero has no digits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Number {
    negative: bool,
    digits: Box<str>,
    exponent: i64,
    /// Written without a fraction and without an exponent.
    plain: bool,
}

/// The number exceeds the limits of digits or exponent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct OutOfBounds;

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a number has more than {NUMBER_DIGITS_MAX} digits, or an exponent beyond {NUMBER_EXPONENT_MAX}"
        )
    }
}

impl Number {
    pub(crate) fn is_positive(&self) -> bool {
        !self.negative && !self.digits.is_empty()
    }

    /// Parses a JSON number.
    pub(crate) fn read(text: &str) -> Result<Self, OutOfBounds> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, power) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let power: i64 = power.parse().map_err(|_| OutOfBounds)?;
        if whole.len() + fraction.len() > NUMBER_DIGITS_MAX || power.abs() > NUMBER_EXPONENT_MAX {
            return Err(OutOfBounds);
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len() - significant.len()).unwrap_or_default();
        let scale = i64::try_from(fraction.len()).unwrap_or_default();
        let digits = significant.trim_start_matches('0');
        let plain = rest.bytes().all(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return Ok(Self { negative: false, digits: Box::default(), exponent: 0, plain });
        }
        Ok(Self { negative, digits: digits.into(), exponent: power - scale + dropped, plain })
    }

    /// Whether the value is an integer, in any notation.
    pub(crate) fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    /// Whether the notation has no fraction and no exponent (an integer in draft 4).
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    /// The value as a count, saturating; `None` for fractions and negative numbers.
    pub(crate) fn as_count(&self) -> Option<u64> {
        if self.negative || !self.is_integer() {
            return None;
        }
        let zeros = usize::try_from(self.exponent).unwrap_or_default();
        let text = format!("0{}{}", self.digits, "0".repeat(zeros));
        Some(text.parse().unwrap_or(u64::MAX))
    }

    /// Whether the value is a multiple of `divisor`, which must not be zero.
    pub(crate) fn is_multiple_of(&self, divisor: &Self) -> bool {
        let common = self.exponent.min(divisor.exponent);
        let (value, divisor) = (self.scaled(common), divisor.scaled(common));
        if let (Ok(value), Ok(divisor)) = (value.parse::<u128>(), divisor.parse::<u128>()) {
            return divisor != 0 && value % divisor == 0;
        }
        let big = |text: &str| BigUint::parse_bytes(text.as_bytes(), 10).unwrap_or_default();
        let (value, divisor) = (big(&value), big(&divisor));
        divisor != BigUint::default() && value % divisor == BigUint::default()
    }

    /// The number of steps of a division by `divisor`.
    pub(crate) fn division_steps(&self, divisor: &Self) -> u64 {
        let common = self.exponent.min(divisor.exponent);
        let length = |number: &Self| {
            number.digits.len() as u64 + u64::try_from(number.exponent - common).unwrap_or_default()
        };
        let (value, divisor) = (length(self), length(divisor));
        1 + (value * value.max(divisor)) / 1000
    }

    /// The decimal digits of `|self| / 10^common`.
    fn scaled(&self, common: i64) -> String {
        let zeros = usize::try_from(self.exponent - common).unwrap_or_default();
        if self.digits.is_empty() { "0".to_owned() } else { format!("{}{}", self.digits, "0".repeat(zeros)) }
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        // The decimal position of the first digit; zero is smaller than everything.
        let place = |number: &Self| {
            if number.digits.is_empty() {
                i64::MIN
            } else {
                i64::try_from(number.digits.len()).unwrap_or_default() + number.exponent
            }
        };
        place(self).cmp(&place(other)).then_with(|| self.digits.cmp(&other.digits))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let point = if self.plain { "" } else { ".0" };
        let zeros = usize::try_from(self.exponent).unwrap_or(usize::MAX);
        let places = usize::try_from(-self.exponent).unwrap_or(usize::MAX);
        if self.digits.is_empty() {
            write!(f, "0{point}")
        } else if zeros <= 40 {
            write!(f, "{sign}{}{}{point}", self.digits, "0".repeat(zeros))
        } else if places < self.digits.len() {
            let (whole, fraction) = self.digits.split_at(self.digits.len() - places);
            write!(f, "{sign}{whole}.{fraction}")
        } else if places <= 20 {
            write!(f, "{sign}0.{}{}", "0".repeat(places - self.digits.len()), self.digits)
        } else {
            write!(f, "{sign}{}e{}", self.digits, self.exponent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Number {
        Number::read(text).unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn order_is_exact() {
        let rising = [
            "-1e1000",
            "-18446744073709551617",
            "-18446744073709551616",
            "-1.000000000000000000001",
            "-1",
            "-1e-999",
            "0",
            "1e-1000",
            "0.1",
            "0.10000000000000000000001",
            "1",
            "99.999",
            "100",
            "100.000000000000001",
            "9007199254740993",
            "9007199254740993.5",
            "18446744073709551616",
            "18446744073709551617",
            "1e400",
            "1.1e400",
        ];
        for (at, a) in rising.iter().enumerate() {
            for (other, b) in rising.iter().enumerate() {
                assert_eq!(read(a).cmp(&read(b)), at.cmp(&other), "{a} {b}");
            }
        }
        for same in [["1", "1.0"], ["1", "1e0"], ["-0", "0.0e7"], ["100", "1E+2"], ["0.0012", "12e-4"]] {
            assert_eq!(read(same[0]).cmp(&read(same[1])), Ordering::Equal, "{same:?}");
        }
    }

    #[test]
    fn multiples_are_exact() {
        for (value, divisor, multiple) in [
            ("19.99", "0.01", true),
            ("1e300", "0.01", true),
            ("0.3", "0.1", true),
            ("0.30000000000000004", "0.1", false),
            ("9007199254740993", "2", false),
            ("18446744073709551617", "3", false),
            ("18446744073709551615", "3", true),
            ("1e1000", "1e-1000", true),
            ("1e-1000", "1e1000", false),
            ("0", "7", true),
            ("-6", "3", true),
        ] {
            assert_eq!(read(value).is_multiple_of(&read(divisor)), multiple, "{value} {divisor}");
        }
    }

    #[test]
    fn integers_and_bounds() {
        assert!(read("1.0").is_integer() && read("1e3").is_integer() && !read("1.0").is_plain());
        assert!(!read("9007199254740993.5").is_integer() && read("-12").is_plain());
        assert_eq!(read("3.0").as_count(), Some(3));
        assert_eq!(read("1e30").as_count(), Some(u64::MAX));
        assert_eq!(read("-1").as_count(), None);
        for text in ["1e1001", "1e-1001", "1e99999999999999999999", "0e5000", &"1".repeat(1001)] {
            assert_eq!(Number::read(text), Err(OutOfBounds), "{text:.20}");
        }
        read(&"1".repeat(1000));
    }

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        for (text, shown) in [
            ("1.50", "1.5"),
            ("1e3", "1000.0"),
            ("-0", "0"),
            ("12", "12"),
            ("12e-4", "0.0012"),
            ("1e-30", "1e-30"),
        ] {
            assert_eq!(read(text).to_string(), shown);
        }
    }
}
