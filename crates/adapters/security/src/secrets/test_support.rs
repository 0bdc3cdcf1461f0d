//! Secrets for the tests of this crate.

use super::{SecretSource, SecretSources, Secrets, create_secrets};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// New random secrets.
pub(crate) fn secrets() -> Secrets {
    let folder = tempfile::tempdir().expect("a folder");
    create_secrets(folder.path()).expect("secrets");
    Secrets::load(&SecretSources::in_folder("test", folder.path()).expect("sources")).expect("secrets")
}

/// Secrets whose peppers and cluster keys have these ids; an id has the same bytes in every test.
pub(crate) fn secrets_of(ids: &[&str]) -> Secrets {
    let folder = tempfile::tempdir().expect("a folder");
    create_secrets(folder.path()).expect("secrets");
    let mut sources = SecretSources::in_folder("test", folder.path()).expect("sources");
    let of = |kind: &str| {
        let source = |id: &&str| {
            let bytes = domain::Digest::of(&[kind.as_bytes(), id.as_bytes()]).0;
            SecretSource::value(kind, id, STANDARD.encode(bytes).into())
        };
        ids.iter().map(source).collect()
    };
    (sources.peppers, sources.cluster_keys) = (of("pepper"), of("cluster"));
    Secrets::load(&sources).expect("secrets")
}
