//! Changing inputs a little: what a bad disk, a bad network and a curious client do to bytes.

use rand::Rng as _;
use rand::rngs::StdRng;

/// Most changes of one input.
const CHANGES_MAX: usize = 6;
/// Longest run of bytes that is inserted, removed or repeated.
const RUN_MAX: usize = 64;
/// Bytes that lengths, signs and ends are made of.
const EDGES: [u8; 12] = [0, 1, 0x7f, 0x80, 0xc0, 0xdc, 0xdd, 0xde, 0xdf, 0xfe, 0xff, b'"'];

/// `input` with one to six changes; `other` is where foreign parts come from.
pub fn mutated(rng: &mut StdRng, input: &[u8], other: &[u8], bytes_max: usize) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..rng.random_range(1..=CHANGES_MAX) {
        change(rng, &mut bytes, other);
        if rng.random_bool(0.4) {
            break;
        }
    }
    bytes.truncate(bytes_max);
    bytes
}

fn change(rng: &mut StdRng, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = rng.random_range(0..=bytes.len());
    let run = rng.random_range(1..=RUN_MAX);
    let end = (at + run).min(bytes.len());
    match rng.random_range(0..9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
        1 if at < bytes.len() => bytes[at] = EDGES[rng.random_range(0..EDGES.len())],
        2 if at < bytes.len() => bytes[at] = bytes[at].wrapping_add(if rng.random() { 1 } else { 255 }),
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..end)),
        5 => drop(bytes.splice(at..at, (0..rng.random_range(1..9)).map(|_| rng.random::<u8>()))),
        6 => {
            // A part twice.
            let part = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, part));
        }
        7 if !other.is_empty() => {
            let from = rng.random_range(0..other.len());
            let part = other[from..(from + run).min(other.len())].to_vec();
            drop(bytes.splice(at..end, part));
        }
        _ => {
            // A digit another one, so that numbers in text change too.
            let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
            if !digits.is_empty() {
                bytes[digits[rng.random_range(0..digits.len())]] = rng.random_range(b'0'..=b'9');
            }
        }
    }
}
