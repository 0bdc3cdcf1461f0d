//! Validation of the edge settings: proxies, origins, limits.

use super::validate::Faults;
use super::{Limits, Settings};
use adapter_http::{AnswerRules, EdgeRules, Limit, LimitRules, NodeLog};
use reqwest::Url;
use std::ops::RangeInclusive;
use std::time::Duration;

const TRUSTED_PROXIES: RangeInclusive<u64> = 0..=8;
const REQUESTS: RangeInclusive<u64> = 0..=1_000_000;
const CONNECTIONS_PER_ADDRESS: RangeInclusive<u64> = 0..=100_000;
const IDLE_TIMEOUT_MS: RangeInclusive<u64> = 100..=3_600_000;
const CONNECTION_AGE_MAX_MS: RangeInclusive<u64> = 1_000..=86_400_000;
const WRITE_TIMEOUT_MS: RangeInclusive<u64> = 100..=600_000;
const ANSWER_MIB_PER_PRINCIPAL: RangeInclusive<u64> = 16..=65_536;
const ANSWER_MIB: RangeInclusive<u64> = 16..=1_048_576;
const MIB: u64 = 1024 * 1024;
/// Maximum number of origins; each cross-origin request is compared with all.
const ORIGINS_MAX: usize = 32;

/// Validates the settings of the edge.
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
        answers: answers(faults, &settings.limits),
        log: NodeLog::default(),
    }
}

/// Settings of client connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionSettings {
    /// Maximum number of connections per address; `None` for no separate limit.
    pub per_address_max: Option<usize>,
    /// Idle time after which a connection is closed.
    pub idle_timeout: Duration,
    /// Age after which a connection accepts no new requests.
    pub age_max: Duration,
    /// Maximum time for a client to read nothing of a response.
    pub write_timeout: Duration,
}

/// Validates the settings of connections.
pub(super) fn connections(faults: &mut Faults, settings: &Settings) -> ConnectionSettings {
    let http = &settings.http;
    let key = "http.connections_per_address";
    let per_address = faults.within(key, http.connections_per_address, &CONNECTIONS_PER_ADDRESS);
    let per_address = usize::try_from(per_address).ok().filter(|max| *max > 0);
    let mut ms = |key, value, range| Duration::from_millis(faults.within(key, value, range));
    ConnectionSettings {
        // Behind proxies all connections come from the proxies.
        per_address_max: per_address.filter(|_| http.trusted_proxies == 0),
        idle_timeout: ms("http.idle_timeout_ms", http.idle_timeout_ms, &IDLE_TIMEOUT_MS),
        age_max: ms("http.connection_age_max_ms", http.connection_age_max_ms, &CONNECTION_AGE_MAX_MS),
        write_timeout: ms("http.write_timeout_ms", http.write_timeout_ms, &WRITE_TIMEOUT_MS),
    }
}

fn answers(faults: &mut Faults, limits: &Limits) -> AnswerRules {
    let mut bytes =
        |key, mib, range| usize::try_from(faults.within(key, mib, range) * MIB).unwrap_or(usize::MAX);
    AnswerRules {
        per_principal_bytes: bytes(
            "limits.answer_mib_per_principal",
            limits.answer_mib_per_principal,
            &ANSWER_MIB_PER_PRINCIPAL,
        ),
        total_bytes: bytes("limits.answer_mib", limits.answer_mib, &ANSWER_MIB),
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

/// Whether the text is an origin in the form that browsers send.
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
