//! The sources of secrets: files with restricted permissions, or environment values.

use super::{SECRET_BYTES_MAX, SecretFault, SecretRule};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The permission bits of others than the owner and the group.
const OTHERS: u32 = 0o007;

/// The source of a secret.
#[derive(Clone, Debug)]
pub enum SecretFrom {
    /// A file; surrounding blanks are ignored.
    File(PathBuf),
    /// An environment value.
    Value(SecretString),
}

/// A secret to load.
#[derive(Clone, Debug)]
pub struct SecretSource {
    /// The setting or the variable that names it, for messages.
    pub setting: String,
    /// Its id within its kind; for a file the stem of the file name.
    pub id: String,
    /// Its source.
    pub from: SecretFrom,
}

impl SecretSource {
    /// A secret from a file.
    pub fn file(setting: &str, path: &Path) -> Self {
        let id = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self {
            setting: format!("{setting} ({})", path.display()),
            id,
            from: SecretFrom::File(path.to_owned()),
        }
    }

    /// A secret from a value.
    pub fn value(setting: &str, id: &str, value: SecretString) -> Self {
        Self { setting: setting.to_owned(), id: id.to_owned(), from: SecretFrom::Value(value) }
    }

    /// Reads the secret, without surrounding blanks.
    pub fn read(&self) -> Result<SecretString, SecretFault> {
        use secrecy::ExposeSecret as _;
        match &self.from {
            SecretFrom::Value(value) => Ok(value.expose_secret().trim().to_owned().into()),
            SecretFrom::File(path) => self.read_file(path),
        }
    }

    fn read_file(&self, path: &Path) -> Result<SecretString, SecretFault> {
        let unreadable = |error| SecretFault::Unreadable { setting: self.setting.clone(), error };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.permissions().mode() & OTHERS != 0 {
            return Err(SecretFault::refused(&self.setting, SecretRule::Exposed));
        }
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > SECRET_BYTES_MAX {
            return Err(SecretFault::refused(&self.setting, SecretRule::NotText));
        }
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| SecretFault::refused(&self.setting, SecretRule::NotText))?;
        Ok(text.trim().to_owned().into())
    }
}

/// The sources of all secrets. In each list the last one is the newest and is used for new data.
#[derive(Clone, Debug, Default)]
pub struct SecretSources {
    /// The keys that sign access tokens.
    pub signing_keys: Vec<SecretSource>,
    /// The peppers of password hashes.
    pub peppers: Vec<SecretSource>,
    /// The keys that seal second factors and chain refresh tokens.
    pub cluster_keys: Vec<SecretSource>,
    /// Ids of secrets to use for new data in place of the newest. Keeps an old secret in use until a new one
    /// is on all nodes.
    pub in_use: Vec<String>,
}

impl SecretSources {
    /// The secret files in a folder, ordered by number: `signing-*.pem`, `pepper-*.key`, `cluster-*.key`, as
    /// [`super::create_secrets`] names them.
    pub fn in_folder(setting: &str, folder: &Path) -> io::Result<Self> {
        let mut names: Vec<(u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let number = stem.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
            names.push((number.unwrap_or(0), path));
        }
        names.sort();
        let of = |beginning: &str, extension: &str| {
            let fits = |path: &Path| {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                path.extension().is_some_and(|one| one == extension)
                    && name.is_some_and(|name| name.starts_with(beginning))
            };
            let fitting = names.iter().filter(|(_, path)| fits(path));
            fitting.map(|(_, path)| SecretSource::file(setting, path)).collect()
        };
        Ok(Self {
            signing_keys: of("signing-", "pem"),
            peppers: of("pepper-", "key"),
            cluster_keys: of("cluster-", "key"),
            in_use: Vec::new(),
        })
    }

    /// The same sources, with those of `in_use` last.
    pub(crate) fn ordered(&self) -> Result<Self, SecretFault> {
        let mut ordered = self.clone();
        for id in &self.in_use {
            let mut found = false;
            for list in [&mut ordered.signing_keys, &mut ordered.peppers, &mut ordered.cluster_keys] {
                if let Some(place) = list.iter().position(|source| source.id == *id) {
                    let source = list.remove(place);
                    list.push(source);
                    found = true;
                }
            }
            if !found {
                let rule = SecretRule::UnknownId(id.clone());
                return Err(SecretFault::refused("identity.secrets_in_use", rule));
            }
        }
        Ok(ordered)
    }
}
