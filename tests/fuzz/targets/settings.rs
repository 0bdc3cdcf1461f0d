//! Settings from a file, the environment and the command line: refused with faults, or within their limits.

use crate::scratch;
use domain::{ClusterId, Timestamp};
use fuzz::Target;
use guardian::pki::ClusterCa;
use guardian::settings::{SettingsError, load_with};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// The cluster and the node of the kept files, so that their credentials fit.
const CLUSTER: &str = "fuzz";
const NODE: u64 = 1;

/// `NAME=VALUE` as a pair.
fn pair(text: &str) -> Option<(String, String)> {
    text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
}

#[test]
fn settings() {
    let dir = scratch::folder();
    let cluster = ClusterId::parse(CLUSTER).expect("a name");
    let ca = ClusterCa::new(&cluster, Timestamp(1_790_000_000_000)).expect("an authority");
    let node = ca.issue(NODE).expect("a certificate");
    fs::create_dir(dir.path().join("tls")).expect("the disk has room");
    for (name, text) in [("ca", &ca.credentials().cert_pem), ("cert", &node.cert_pem), ("key", &node.key_pem)]
    {
        fs::write(dir.path().join(format!("tls/{name}.pem")), text).expect("the disk has room");
    }
    let file = dir.path().join("guardian.toml");
    Target::new("settings").check(|bytes| {
        // The file, then what the environment and the command line say, each after a zero byte.
        let mut parts = bytes.split(|byte| *byte == 0);
        scratch::write(&file, parts.next().unwrap_or_default());
        let texts: Vec<String> = parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect();
        let (environment, overrides): (Vec<_>, Vec<_>) =
            texts.iter().filter_map(|text| pair(text)).partition(|(name, _)| name.starts_with("GUARDIAN"));
        let environment: BTreeMap<String, String> = environment.into_iter().collect();
        let load = || load_with(&file, Some(environment.clone()), &overrides);
        match load() {
            Ok(settings) => {
                assert_eq!(settings.cluster_id, cluster, "credentials of another cluster were taken");
                assert_eq!(settings.node_id, NODE, "credentials of another node were taken");
                assert!(settings.members.iter().any(|member| member.id == NODE));
                let ms = Duration::from_millis;
                assert!((ms(100)..=ms(600_000)).contains(&settings.request_timeout));
                assert!((10..=10_000_000).contains(&settings.snapshot_every_entries));
                assert!(((1 << 20)..=(1 << 40)).contains(&settings.snapshot_every_bytes));
                assert!(settings.drain <= ms(300_000));
            }
            Err(SettingsError::Faults(faults)) => {
                assert!(!faults.is_empty(), "refused for no reason");
                let again = load().expect_err("it was refused before").to_string();
                assert_eq!(SettingsError::Faults(faults).to_string(), again, "the faults are not the same");
            }
            Err(SettingsError::Unreadable(_) | SettingsError::NoFile(..)) => {}
        }
    });
}
