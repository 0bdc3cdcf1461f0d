//! Settings that are valid but probably unintended.

use super::{Fault, ServerSettings};
use crate::forwarded;

impl ServerSettings {
    /// The warnings that `check-config` and a starting node print.
    pub fn warnings(&self) -> Vec<Fault> {
        let mut warnings = Vec::new();
        let mut warn = |key: &str, message: String| warnings.push(Fault { key: key.to_owned(), message });
        if !self.http_listen.ip().is_loopback() && self.edge.trusted_proxies == 0 {
            let message = format!(
                "{} takes clients of other machines over HTTP without TLS: whoever is on the way reads keys and \
                 documents. Listen on 127.0.0.1 behind a proxy that does TLS, and set http.trusted_proxies",
                self.http_listen
            );
            warn("http.listen", message);
            let message = "is 0: behind a proxy all clients would count as one address, and the failed sign-ins \
                           of one would slow down new sign-ins of all";
            warn("http.trusted_proxies", message.to_owned());
        }
        if self.edge.trusted_proxies == 0 && forwarded::was_ignored(&self.data_dir) {
            warn("http.trusted_proxies", forwarded::IGNORED.to_owned());
        }
        if let Some(weak) = self.identity.as_ref().and_then(|identity| identity.database.warning()) {
            warn("identity.database", weak.to_owned());
        }
        warnings
    }
}
