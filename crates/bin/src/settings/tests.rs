//! Tests of loading and validating settings.

use super::*;
use crate::cluster_files::{self, Plan, PlannedMember, SETTINGS_FILE};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

struct Case {
    _dir: tempfile::TempDir,
    file: PathBuf,
}

/// A valid settings file of one member, with `from` replaced by `to`.
fn case(from: &str, to: &str) -> Case {
    let dir = tempfile::tempdir().expect("a folder");
    let member = PlannedMember {
        name: "a".to_owned(),
        peer_addr: "127.0.0.1:9080".to_owned(),
        api_url: "http://127.0.0.1:8080".to_owned(),
        http_listen: ([127, 0, 0, 1], 8080).into(),
        peer_listen: ([127, 0, 0, 1], 9080).into(),
    };
    let cluster_id = domain::ClusterId::parse("test").expect("an id");
    let plan = Plan { cluster_id, members: vec![member], log_format: "json", identity: Identity::default() };
    cluster_files::create(&dir.path().join("c"), &plan).expect("files");
    let file = dir.path().join("c/a").join(SETTINGS_FILE);
    let text = std::fs::read_to_string(&file).expect("text");
    assert!(text.contains(from), "{from} is in {text}");
    std::fs::write(&file, text.replacen(from, to, 1)).expect("written");
    Case { _dir: dir, file }
}

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn fault_keys(result: Result<ServerSettings, SettingsError>) -> Vec<String> {
    match result {
        Err(SettingsError::Faults(faults)) => faults.into_iter().map(|fault| fault.key).collect(),
        other => panic!("expected faults, not {other:?}"),
    }
}

#[test]
fn every_fault_is_listed_at_once() {
    let case = case("format = \"json\"", "format = \"yaml\"");
    let pairs = [
        ("GUARDIAN__HTTP__REQUEST_TIMEOUT_MS", "5"),
        ("GUARDIAN__HTTP__LISTEN", "localhost"),
        ("GUARDIAN__CLUSTER__ID", "Not A Label"),
        ("GUARDIAN__PEER__CA_FILE", "nowhere.pem"),
        ("GUARDIAN__NODE__DATA_DIR", ""),
        ("GUARDIAN__LOG__FILTER", "info,=,="),
        ("GUARDIAN__SHUTDOWN__DRAIN_MS", "300001"),
    ];
    let found: BTreeSet<String> =
        fault_keys(load_with(&case.file, Some(environment(&pairs)), &[])).into_iter().collect();
    let expected = [
        "cluster.id",
        "http.listen",
        "http.request_timeout_ms",
        "log.filter",
        "log.format",
        "node.data_dir",
        "peer.ca_file",
        "shutdown.drain_ms",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
}

#[test]
fn nobody_joins_alone() {
    let case = case("[node]", "[node]");
    let pairs = [("GUARDIAN__CLUSTER__JOIN", "true")];
    assert_eq!(fault_keys(load_with(&case.file, Some(environment(&pairs)), &[])), ["cluster.join"]);
}

/// The faults of the settings with an identity database and these overrides.
fn identity_faults(case: &Case, overrides: &[(&str, &str)]) -> Vec<String> {
    let pairs = [("identity.database", "sqlite:people.db")].iter().chain(overrides);
    let pairs: Vec<_> = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    match load_with(&case.file, Some(environment(&[])), &pairs) {
        Ok(_) => Vec::new(),
        faults => fault_keys(faults),
    }
}

#[test]
fn members_on_several_machines_need_a_server_for_people() {
    let case = case("[node]", "[node]");
    assert!(identity_faults(&case, &[]).is_empty(), "one node");
    let text = std::fs::read_to_string(&case.file).expect("text");
    for (address, faults) in [
        ("127.0.0.1:9081", &[][..]),
        ("[::1]:9081", &[]),
        ("guardian-1.guardian:9081", &["identity.database"]),
    ] {
        let other = format!(
            "{text}\n[[cluster.members]]\nid = \"77\"\nname = \"b\"\npeer_addr = \"{address}\"\n\
             api_url = \"http://b:8080\"\n"
        );
        std::fs::write(&case.file, other).expect("written");
        assert_eq!(identity_faults(&case, &[]), faults, "{address}");
        assert!(
            identity_faults(&case, &[("identity.database", "postgres://u@h/d?sslmode=verify-full")])
                .is_empty(),
            "{address}"
        );
    }
    for bad in ["sqlite::memory:", "sqlite:x.db?mode=memory", "mysql://h/d"] {
        assert!(
            identity_faults(&case, &[("identity.database", bad)]).contains(&"identity.database".to_owned())
        );
    }
}

#[test]
fn an_address_in_a_file_is_a_secret() {
    use std::os::unix::fs::PermissionsExt as _;
    let case = case("[node]", "[node]");
    let path = case.file.with_file_name("database");
    let write = |text: &str, mode: u32| {
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("changed");
    };
    let own = [("identity.database", ""), ("identity.database_file", "database")];
    write("postgres://u:swordfish@h/d?sslmode=verify-full\n", 0o600);
    assert!(identity_faults(&case, &own).is_empty());
    write("postgres://u:swordfish@h/d?sslmode=verify-full\n", 0o644);
    assert_eq!(identity_faults(&case, &own), ["identity.database_file"], "everybody may read it");
    write(" \n", 0o600);
    assert_eq!(identity_faults(&case, &own), ["identity.database_file"], "nothing is in it");
}

#[test]
fn secrets_may_be_in_the_environment() {
    let case = case("[node]", "[node]");
    let folder = case.file.with_file_name("secrets");
    let names = ["signing-1.pem", "pepper-1.key", "cluster-1.key"];
    let texts = names.map(|name| std::fs::read_to_string(folder.join(name)).expect("a secret"));
    std::fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(identity_faults(&case, &[]), ["identity.secrets_dir"], "there are none");
    let variables = ["GUARDIAN_SIGNING_KEY", "GUARDIAN_PEPPER", "GUARDIAN_CLUSTER_KEY"];
    let pairs: Vec<_> = variables.into_iter().zip(texts.iter().map(String::as_str)).collect();
    let people = [("identity.database".to_owned(), "sqlite:people.db".to_owned())];
    let loaded = load_with(&case.file, Some(environment(&pairs)), &people).expect("all of them are there");
    let shown = format!("{loaded:?}");
    for text in &texts {
        let middle = text.lines().nth(1).unwrap_or(text).trim();
        assert!(!shown.contains(middle), "no secret is shown");
    }
    let weak = [pairs[0], ("GUARDIAN_PEPPER", "swordfish"), pairs[2]];
    let refused = load_with(&case.file, Some(environment(&weak)), &people);
    assert_eq!(fault_keys(refused), ["identity.secrets_dir"], "a weak one");
}

#[test]
fn an_empty_file_lacks_what_must_be_given() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("empty.toml");
    std::fs::write(&file, "").expect("written");
    let found = fault_keys(load_with(&file, Some(environment(&[])), &[]));
    for key in [
        "node.id",
        "node.name",
        "node.data_dir",
        "cluster.id",
        "cluster.members",
        "bootstrap.admin_key_sha256",
    ] {
        assert!(found.iter().any(|fault| fault == key), "{key} is in {found:?}");
    }
}

#[test]
fn unknown_keys_are_named() {
    let case = case("[log]", "[extra]\nx = 1\n[log]\ncolour = true");
    let pairs = [("GUARDIAN__HTTP__PORT", "1"), ("OTHER__KEY", "1")];
    let found = fault_keys(load_with(&case.file, Some(environment(&pairs)), &[]));
    assert_eq!(found, ["extra", "http.port", "log.colour"]);
    let found =
        fault_keys(load_with(&case.file, Some(environment(&[])), &[("node.nme".to_owned(), "x".to_owned())]));
    assert!(found.contains(&"node.nme".to_owned()), "{found:?}");
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let case = case(&Log::default().filter, "warn");
    let read = |pairs: &[(&str, &str)], flags: &[(String, String)]| {
        load_with(&case.file, Some(environment(pairs)), flags).expect("no faults").log_filter
    };
    let flag = [("log.filter".to_owned(), "trace".to_owned())];
    assert_eq!(read(&[], &[]), "warn");
    assert_eq!(read(&[("GUARDIAN__LOG__FILTER", "debug")], &[]), "debug");
    assert_eq!(read(&[("GUARDIAN__LOG__FILTER", "debug")], &flag), "trace");
}

#[test]
fn a_key_is_not_a_digest_and_is_not_shown() {
    let case = case("[node]", "[node]");
    for bad in ["gdn_sk_secretsecretsecret", "00", &"0".repeat(64), &"g".repeat(64)] {
        let pairs = [("GUARDIAN__BOOTSTRAP__ADMIN_KEY_SHA256", bad)];
        let error =
            load_with(&case.file, Some(environment(&pairs)), &[]).expect_err("not a digest").to_string();
        assert!(error.contains("bootstrap.admin_key_sha256"), "{error}");
        assert!(!error.contains("secretsecret"), "{error}");
    }
}

#[test]
fn a_value_of_the_wrong_type_names_its_key() {
    let case = case("drain_ms = 10000", "drain_ms = \"soon\"");
    let error = load_with(&case.file, Some(environment(&[])), &[]).expect_err("not a number");
    assert!(format!("{:#}", anyhow::Error::new(error)).contains("drain_ms"));
}

#[test]
fn faults_of_every_kind_are_named_in_one_round_without_names_of_the_program() {
    let case = case("drain_ms = 10000", "drain_ms = \"soon\"\nnonsense = 1");
    let pairs = [
        ("GUARDIAN__HTTP__WATCHERS_MAX", "many"),
        ("GUARDIAN__HTTP__LISTEN", "localhost"),
        ("GUARDIAN__CLUSTER__JOIN", "perhaps"),
        ("GUARDIAN__LOG__FILTER", "inof"),
        ("GUARDIAN__HTTP__CORS_ORIGINS", "https://a.example"),
    ];
    let error = load_with(&case.file, Some(environment(&pairs)), &[]).expect_err("faults");
    let text = error.to_string();
    for named in [
        "shutdown.drain_ms: must be an integer",
        "shutdown.nonsense: there is no such setting",
        "http.watchers_max: must be an integer",
        "http.listen: must be an IP address and a port",
        "log.filter: the log filter \"inof\" is not valid",
        "http.cors_origins: must be a list",
        "cluster.join: must be true or false",
    ] {
        assert!(text.contains(named), "{named} is not in {text}");
    }
    for name in ["u64", "i64", "String", "struct", "Vec<", "ParseIntError", "invalid type"] {
        assert!(!text.contains(name), "{name} is in {text}");
    }
}

#[test]
fn a_port_for_everybody_without_tls_is_warned_of() {
    let case = case("[node]", "[node]");
    let warnings = |pairs: &[(&str, &str)]| {
        let settings = load_with(&case.file, Some(environment(pairs)), &[]).expect("no faults");
        settings.warnings().into_iter().map(|warning| warning.key).collect::<Vec<_>>()
    };
    assert!(warnings(&[]).is_empty());
    let open = ("GUARDIAN__HTTP__LISTEN", "0.0.0.0:8080");
    assert_eq!(warnings(&[open]).first().map(String::as_str), Some("http.listen"));
    assert!(warnings(&[open, ("GUARDIAN__HTTP__TRUSTED_PROXIES", "1")]).is_empty());
}

#[test]
fn the_table_has_every_key_and_its_default() {
    let settings = Settings {
        cluster: Cluster { id: String::new(), join: false, members: vec![Member::default()] },
        identity: Identity { providers: vec![Provider::default()], ..Identity::default() },
        ..Settings::default()
    };
    let value = toml::Value::try_from(&settings).expect("TOML");
    let mut written = Vec::new();
    flatten(&value, "", &mut written);
    let mut table: Vec<(String, String)> =
        KEYS.iter().map(|key| (key.key.to_owned(), key.default.unwrap_or_default().to_owned())).collect();
    written.sort();
    table.sort();
    assert_eq!(written, table);
}

fn flatten(value: &toml::Value, path: &str, into: &mut Vec<(String, String)>) {
    match value {
        toml::Value::Table(table) => {
            for (name, inner) in table {
                let inner_path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(inner, &inner_path, into);
            }
        }
        toml::Value::Array(items) if items.is_empty() => into.push((path.to_owned(), "[]".to_owned())),
        toml::Value::Array(items) => items.iter().for_each(|item| flatten(item, &format!("{path}[]"), into)),
        toml::Value::String(text) => into.push((path.to_owned(), text.clone())),
        other => into.push((path.to_owned(), other.to_string())),
    }
}

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, reference()).expect("written");
    }
    let committed = std::fs::read_to_string(&path).expect("docs/configuration.md is there");
    assert!(committed == reference(), "docs/configuration.md differs; run with UPDATE=1 if that is meant");
}
