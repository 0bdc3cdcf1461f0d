//! Tests of loading, validating and creating secrets.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn made() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let secrets = folder.path().join("secrets");
    create_secrets(&secrets).expect("secrets");
    (folder, secrets)
}

fn sources(folder: &Path) -> SecretSources {
    SecretSources::in_folder("identity.secrets_dir", folder).expect("the folder is read")
}

fn refused(sources: &SecretSources) -> (String, SecretRule) {
    match Secrets::load(sources) {
        Err(SecretFault::Refused { setting, rule }) => (setting, rule),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_made_is_strong_private_and_different() {
    let (_keep, folder) = made();
    let secrets = Secrets::load(&sources(&folder)).expect("strong secrets");
    assert_eq!(secrets.peppers.newest().id, "pepper-1");
    for name in ["signing-1.pem", "pepper-1.key", "cluster-1.key"] {
        let mode = fs::metadata(folder.join(name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let (_keep, other) = made();
    let read = |folder: &Path, name| fs::read_to_string(folder.join(name)).expect("a file");
    assert_ne!(read(&folder, "pepper-1.key"), read(&other, "pepper-1.key"));
    assert_ne!(read(&folder, "pepper-1.key"), read(&folder, "cluster-1.key"));
    assert_ne!(read(&folder, "signing-1.pem"), read(&other, "signing-1.pem"));
}

#[test]
fn nothing_is_overwritten() {
    let (_keep, folder) = made();
    let before = fs::read(folder.join("cluster-1.key")).expect("a file");
    fs::remove_file(folder.join("signing-1.pem")).expect("removed");
    assert_eq!(create_secrets(&folder).expect_err("refused").kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(folder.join("cluster-1.key")).expect("a file"), before);
    assert!(!folder.join("signing-1.pem").exists());
}

#[test]
fn the_newest_has_the_largest_number() {
    let (_keep, folder) = made();
    let (_keep2, other) = made();
    for (from, to) in [("pepper-1.key", "pepper-10.key"), ("signing-1.pem", "signing-10.pem")] {
        fs::copy(other.join(from), folder.join(to)).expect("copied");
    }
    let (_keep3, third) = made();
    fs::copy(third.join("pepper-1.key"), folder.join("pepper-9.key")).expect("copied");
    let mut sources = sources(&folder);
    let secrets = Secrets::load(&sources).expect("secrets");
    assert_eq!(secrets.peppers.newest().id, "pepper-10");
    assert!(secrets.peppers.get("pepper-1").is_some());
    let newest = secrets.signing.signer().kid.clone();
    assert_eq!(newest, secrets.signing.all[1].kid);
    sources.in_use = vec!["signing-1".to_owned()];
    let secrets = Secrets::load(&sources).expect("secrets");
    assert_ne!(secrets.signing.signer().kid, newest);
    assert!(secrets.signing.by_kid(&newest).is_some(), "the others verify");
    assert_eq!(secrets.peppers.newest().id, "pepper-10", "of its kind none is named");
    sources.in_use = ["pepper-1", "cluster-1"].map(str::to_owned).into();
    assert_eq!(Secrets::load(&sources).expect("secrets").peppers.newest().id, "pepper-1");
    sources.in_use = vec!["signing-2".to_owned()];
    let unknown = SecretRule::UnknownId("signing-2".to_owned());
    assert_eq!(refused(&sources), ("identity.secrets_in_use".to_owned(), unknown));
}

#[test]
fn a_file_that_everybody_may_read_is_refused() {
    for name in ["signing-1.pem", "pepper-1.key", "cluster-1.key"] {
        for mode in [0o604, 0o602] {
            let (_keep, folder) = made();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).expect("changed");
            let (setting, rule) = refused(&sources(&folder));
            assert_eq!(rule, SecretRule::Exposed);
            assert!(setting.starts_with("identity.secrets_dir (") && setting.contains(name), "{setting}");
        }
        let (_keep, folder) = made();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o440)).expect("changed");
        assert!(Secrets::load(&sources(&folder)).is_ok(), "a group may read, as for mounted secrets");
    }
}

#[test]
fn missing_weak_and_doubled_secrets_are_refused_by_name() {
    let (_keep, folder) = made();
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).expect("written");
    };
    let pepper = fs::read_to_string(folder.join("pepper-1.key")).expect("a file");
    write("pepper-1.key", &"hunter22".repeat(8));
    let (setting, rule) = refused(&sources(&folder));
    assert_eq!(rule, SecretRule::Weak);
    assert!(!setting.contains("hunter2"));
    write("pepper-1.key", &pepper);
    fs::copy(folder.join("pepper-1.key"), folder.join("pepper-2.key")).expect("copied");
    assert_eq!(refused(&sources(&folder)).1, SecretRule::Twice);
    fs::remove_file(folder.join("pepper-1.key")).expect("removed");
    fs::remove_file(folder.join("pepper-2.key")).expect("removed");
    assert_eq!(refused(&sources(&folder)), ("identity.peppers".to_owned(), SecretRule::Missing));
    write("signing-1.pem", &pepper);
    assert_eq!(refused(&sources(&folder)).1, SecretRule::NotEd25519);
    write("signing-1.pem", &"x".repeat(20_000));
    assert_eq!(refused(&sources(&folder)).1, SecretRule::NotText);
    let mut unreadable = sources(&folder);
    unreadable.signing_keys = vec![SecretSource::file("identity.signing_keys", &folder.join("none.pem"))];
    assert!(matches!(Secrets::load(&unreadable), Err(SecretFault::Unreadable { .. })));
}

#[test]
fn values_of_the_environment_will_do() {
    let (_keep, folder) = made();
    let read = |name| fs::read_to_string(folder.join(name)).expect("a file");
    let sources = SecretSources {
        signing_keys: vec![SecretSource::value("GUARDIAN_SIGNING_KEY", "env", read("signing-1.pem").into())],
        in_use: Vec::new(),
        peppers: vec![SecretSource::value("GUARDIAN_PEPPER", "env", read("pepper-1.key").into())],
        cluster_keys: vec![SecretSource::value("GUARDIAN_CLUSTER_KEY", "env", read("cluster-1.key").into())],
    };
    assert!(Secrets::load(&sources).is_ok());
    let weak = SecretSources {
        peppers: vec![SecretSource::value("GUARDIAN_PEPPER", "env", "swordfish".to_owned().into())],
        ..sources
    };
    let fault = Secrets::load(&weak).expect_err("refused").to_string();
    assert!(fault.starts_with("GUARDIAN_PEPPER must be base64") && !fault.contains("swordfish"), "{fault}");
}

#[test]
fn nothing_shows_in_debug_output() {
    let (_keep, folder) = made();
    let sources = sources(&folder);
    let secrets = Secrets::load(&sources).expect("secrets");
    let shown = format!("{secrets:?} {sources:?}");
    for name in ["pepper-1.key", "cluster-1.key", "signing-1.pem"] {
        let text = fs::read_to_string(folder.join(name)).expect("a file");
        let longest = text.lines().max_by_key(|line| line.len()).expect("a line");
        assert!(!shown.contains(longest), "{shown}");
    }
    assert!(shown.contains("pepper-1"), "{shown}");
}
