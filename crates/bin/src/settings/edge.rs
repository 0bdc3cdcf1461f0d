//! Checking what is said of the way in: proxies, origins and limits.

use super::validate::Faults;
use super::{Limits, Settings};
use adapter_http::{EdgeRules, Limit, LimitRules};
use reqwest::Url;
use std::ops::RangeInclusive;

const TRUSTED_PROXIES: RangeInclusive<u64> = 0..=8;
const REQUESTS: RangeInclusive<u64> = 0..=1_000_000;
/// Most origins; each request of a browser is compared with all.
const ORIGINS_MAX: usize = 32;

/// The rules of the way in.
pub(super) fn edge(faults: &mut Faults, settings: &Settings) -> EdgeRules {
    let http = &settings.http;
    let proxies = faults.within("http.trusted_proxies", http.trusted_proxies, &TRUSTED_PROXIES);
    if http.cors_origins.len() > ORIGINS_MAX {
        faults.add("http.cors_origins", format!("must list at most {ORIGINS_MAX}"));
    }
    for (at, origin) in http.cors_origins.iter().enumerate() {
        if !is_origin(origin) {
            let rule = "must be an http or https origin as browsers send it, such as https://console.example";
            faults.add(format!("http.cors_origins[{at}]"), rule);
        }
    }
    EdgeRules {
        trusted_proxies: usize::try_from(proxies).unwrap_or_default(),
        cors_origins: http.cors_origins.clone(),
        limits: limits(faults, &settings.limits),
    }
}

fn limits(faults: &mut Faults, limits: &Limits) -> LimitRules {
    let mut one = |key: &str, requests: u64, window_seconds: u32| {
        let requests = u32::try_from(faults.within(key, requests, &REQUESTS)).unwrap_or_default();
        (requests > 0).then_some(Limit { requests, window_seconds })
    };
    LimitRules {
        read: one("limits.read_per_second", limits.read_per_second, 1),
        write: one("limits.write_per_second", limits.write_per_second, 1),
        watch_open: one("limits.watch_open_per_second", limits.watch_open_per_second, 1),
        sign_in: one("limits.sign_in_per_minute", limits.sign_in_per_minute, 60),
        anonymous: one("limits.anonymous_per_second", limits.anonymous_per_second, 1),
    }
}

/// Whether browsers would write the origin just so.
fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        for good in ["https://console.example", "http://127.0.0.1:3000", "https://[::1]:8443"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "console.example",
            "https://a.example/",
            "https://a.example:443",
            "https://A.example",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
