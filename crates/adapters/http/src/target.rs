//! Resource paths: encoding of names, and a canonical form.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Characters of config keys that need no encoding in a path segment (RFC 3986 section 3.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'@')
    .remove(b'+');

/// Encodes a name as one path segment: the slash of a config key becomes `%2F`.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// The canonical form of a path: equal for `%2f` and `%2F`, for `%61` and `a`.
pub(crate) fn canonical(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        let bytes: Vec<u8> = percent_decode_str(segment).collect();
        percent_encoding::percent_encode(&bytes, SEGMENT).to_string()
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment() {
        assert_eq!(segment("team/App:1@x+y~z"), "team%2FApp:1@x+y~z");
    }

    #[test]
    fn equal_paths_have_one_form() {
        for same in ["/configs/a%2fb", "/configs/a%2Fb", "/configs/%61%2Fb", "/configs/%61%2f%62"] {
            assert_eq!(canonical(same), "/configs/a%2Fb");
        }
        assert_eq!(canonical("/configs/a/b"), "/configs/a/b");
        assert_eq!(canonical("/configs/a:b@c+d~e"), "/configs/a:b@c+d~e");
        assert_ne!(canonical("/configs/a%252Fb"), canonical("/configs/a%2Fb"));
        assert_eq!(canonical("/configs/%ff"), "/configs/%FF");
    }
}
