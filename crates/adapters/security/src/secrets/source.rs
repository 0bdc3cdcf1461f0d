//! Where secrets come from: files that not everybody may read, or values from the environment.

use super::{SECRET_BYTES_MAX, SecretFault, SecretRule};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What everybody else than the owner and the group may do with a file.
const OTHERS: u32 = 0o007;

/// Where one secret comes from.
#[derive(Clone, Debug)]
pub enum SecretFrom {
    /// A file; blanks around its content do not count.
    File(PathBuf),
    /// A value, from the environment.
    Value(SecretString),
}

/// One secret to be.
#[derive(Clone, Debug)]
pub struct SecretSource {
    /// The setting or variable that names it, for messages.
    pub setting: String,
    /// Its id among those of its kind: for a file the stem of its name.
    pub id: String,
    /// Where it comes from.
    pub from: SecretFrom,
}

impl SecretSource {
    /// A secret in a file.
    pub fn file(setting: &str, path: &Path) -> Self {
        let id = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self {
            setting: format!("{setting} ({})", path.display()),
            id,
            from: SecretFrom::File(path.to_owned()),
        }
    }

    /// A secret that is a value.
    pub fn value(setting: &str, id: &str, value: SecretString) -> Self {
        Self { setting: setting.to_owned(), id: id.to_owned(), from: SecretFrom::Value(value) }
    }

    /// The text of the secret, without blanks around it.
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

/// Where all secrets come from; in each list the newest is the last, and is used for what is made anew.
#[derive(Clone, Debug, Default)]
pub struct SecretSources {
    /// What signs access tokens.
    pub signing_keys: Vec<SecretSource>,
    /// What goes into the hashes of passwords.
    pub peppers: Vec<SecretSource>,
    /// What seals second factors and chains refresh tokens.
    pub cluster_keys: Vec<SecretSource>,
    /// Ids of those that are used for what is made anew, in place of the newest of their kind. While a new one is
    /// brought to all nodes one by one, this keeps the old one in use.
    pub in_use: Vec<String>,
}

impl SecretSources {
    /// The files of a folder as [`super::create_secrets`] names them, ordered by their numbers:
    /// `signing-*.pem`, `pepper-*.key`, `cluster-*.key`.
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

    /// The same with those last that are to be used.
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
