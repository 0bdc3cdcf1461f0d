//! Reading settings from where they come from, and refusing keys that do not exist.

use super::reference::KEYS;
use super::{Fault, ServerSettings, Settings, SettingsError};
use config::{Config, Environment, File, FileFormat, Value, ValueKind};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// How the names of settings in the environment begin; `__` follows, and stands between the parts.
pub const ENV_PREFIX: &str = "GUARDIAN";
const SEPARATOR: &str = "__";

/// Reads and checks the settings of this process. `overrides` are keys and values that win over all.
pub fn load(file: &Path, overrides: &[(String, String)]) -> Result<ServerSettings, SettingsError> {
    load_with(file, None, overrides)
}

/// The same with another environment; `None` is that of the process.
pub fn load_with(
    file: &Path,
    environment: Option<BTreeMap<String, String>>,
    overrides: &[(String, String)],
) -> Result<ServerSettings, SettingsError> {
    let text =
        std::fs::read_to_string(file).map_err(|error| SettingsError::NoFile(file.to_owned(), error))?;
    let environment = environment.unwrap_or_else(own_environment);
    let values = Environment::with_prefix(ENV_PREFIX)
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .source(Some(environment.clone().into_iter().collect()));
    let mut builder =
        Config::builder().add_source(File::from_str(&text, FileFormat::Toml)).add_source(values);
    for (key, value) in overrides {
        builder = builder.set_override(key, value.as_str()).map_err(SettingsError::Unreadable)?;
    }
    let merged = builder.build().map_err(SettingsError::Unreadable)?;
    let unknown = unknown_keys(&merged.cache);
    if !unknown.is_empty() {
        return Err(SettingsError::Faults(unknown));
    }
    let settings: Settings = merged.try_deserialize().map_err(SettingsError::Unreadable)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    settings.validate(folder, &environment).map_err(SettingsError::Faults)
}

/// The environment of this process, as far as it is text.
fn own_environment() -> BTreeMap<String, String> {
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    std::env::vars_os().filter_map(text).collect()
}

fn unknown_keys(root: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    visit(root, "", &mut faults);
    faults.sort_by(|a, b| a.key.cmp(&b.key));
    faults
}

fn visit(value: &Value, path: &str, faults: &mut Vec<Fault>) {
    let is_section = |path: &str| {
        KEYS.iter().any(|known| {
            known.key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.') || rest.starts_with("[]"))
        })
    };
    match &value.kind {
        ValueKind::Table(table) if path.is_empty() || is_section(path) => {
            for (name, inner) in table {
                let inner_path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                visit(inner, &inner_path, faults);
            }
        }
        ValueKind::Array(items) if is_section(path) => {
            for item in items {
                visit(item, &format!("{path}[]"), faults);
            }
        }
        _ if KEYS.iter().any(|known| known.key == path) || is_section(path) => {}
        _ => {
            let origin = value.origin().map_or_else(String::new, |origin| format!(", from {origin}"));
            faults.push(Fault { key: path.to_owned(), message: format!("there is no such setting{origin}") });
        }
    }
}
