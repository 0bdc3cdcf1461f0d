//! Reading an input as a row of choices, for properties that want more than bytes.
//!
//! When the bytes are used up every choice is the first one, so short inputs are small cases, and cutting an
//! input makes its case smaller.

/// The choices of one input.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    rest: &'a [u8],
}

impl<'a> Source<'a> {
    /// Reads these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether every further choice is the first one.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// A number below `limit`, which must not be 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let mut number = usize::from(self.byte());
        if limit > 256 {
            number = number << 8 | usize::from(self.byte());
        }
        number % limit
    }

    /// Whether something happens that happens once in `times`; it does not when the bytes are used up.
    pub fn once_in(&mut self, times: u8) -> bool {
        self.byte() % times == times - 1
    }

    /// One of these; there must be one.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        bytes.fill_with(|| self.byte());
        u64::from_le_bytes(bytes)
    }

    /// A number near where things change: small ones, and those around powers of two.
    pub fn edge(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(4) as u64,
            1 => u64::from(self.byte()),
            2 => (1_u64 << self.below(64)).wrapping_sub(self.below(2) as u64),
            _ => u64::MAX - self.below(3) as u64,
        }
    }

    /// At most `most` of the next bytes.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let length = self.below(most + 1).min(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// A short text of any characters.
    pub fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(self.bytes(most)).into_owned()
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_up_bytes_give_first_choices() {
        let mut source = Source::new(&[]);
        assert_eq!((source.below(7), source.once_in(2), source.number()), (0, false, 0));
        assert_eq!((source.one_of(&["a", "b"]), source.bytes(9), source.edge()), ("a", &[][..], 0));
    }

    #[test]
    fn choices_follow_the_bytes() {
        let mut source = Source::new(&[9, 1, 2, 0xff, 3, b'x', b'y', b'z']);
        assert_eq!((source.below(7), source.below(1000)), (2, 258));
        assert!(source.once_in(2));
        assert_eq!(source.text(4), "xyz");
        assert!(source.is_empty());
    }
}
