//! Secrets of API keys: whatever is sent, only a secret that was minted has a digest, and each has its own.

use adapter_security::ApiKeyMint;
use application::ports::KeyMint as _;
use domain::Digest;
use fuzz::Target;

/// A well-formed secret.
const SECRET: &str = "gdn_sk_0000000000000000000000000000003jeE3K";

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(digest) = ApiKeyMint.digest(&text) {
        assert_eq!(digest, Digest::of(&[text.as_bytes()]));
        assert!(text.is_ascii() && text.starts_with("gdn_"), "{text:?} has a digest");
        // Any one other character is noticed.
        for at in 0..text.len() {
            let mut other = text.clone().into_owned();
            let wrong = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
            other.replace_range(at..=at, wrong);
            assert_eq!(ApiKeyMint.digest(&other), None, "{other:?} passes beside {text:?}");
        }
    }
    // The input as a change of a good secret.
    let mut changed = SECRET.as_bytes().to_vec();
    for (at, byte) in bytes.iter().take(SECRET.len()).enumerate() {
        changed[at] ^= byte;
    }
    let changed = String::from_utf8_lossy(&changed);
    if changed != SECRET && bytes.iter().take(SECRET.len()).filter(|byte| **byte != 0).count() <= 4 {
        assert_eq!(ApiKeyMint.digest(&changed), None, "{changed:?} passes beside {SECRET:?}");
    }
}

#[test]
fn api_keys() {
    Target::new("api_keys").bytes_max(64).check(check);
}
