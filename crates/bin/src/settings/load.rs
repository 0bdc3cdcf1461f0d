//! Loads settings from their sources and refuses unknown keys.

use super::reference::KEYS;
use super::{Fault, ServerSettings, Settings, SettingsError};
use config::{Config, Environment, File, FileFormat, Value, ValueKind};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// The prefix of settings in the environment; `__` follows it and separates the parts.
pub const ENV_PREFIX: &str = "GUARDIAN";
const SEPARATOR: &str = "__";

/// Loads and validates the settings of this process. `overrides` are keys and values with the highest
/// precedence.
pub fn load(file: &Path, overrides: &[(String, String)]) -> Result<ServerSettings, SettingsError> {
    load_with(file, None, overrides)
}

/// As [`load`], with another environment; `None` is the environment of the process.
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
    let mut root = merged.cache;
    // Unknown and mistyped settings are removed, so that the others are validated too.
    let mut faults = take_wrong(&mut root);
    let settings: Settings = root.try_deserialize().map_err(SettingsError::Unreadable)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let checked = settings.validate(folder, &environment);
    match checked {
        Ok(settings) if faults.is_empty() => Ok(settings),
        Ok(_) => Err(SettingsError::Faults(faults)),
        Err(others) => {
            let named: Vec<String> = faults.iter().map(|fault| fault.key.clone()).collect();
            // A removed setting is not reported as missing.
            faults.extend(others.into_iter().filter(|fault| !named.contains(&fault.key)));
            Err(SettingsError::Faults(faults))
        }
    }
}

/// The environment of this process; entries that are not Unicode are skipped.
fn own_environment() -> BTreeMap<String, String> {
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    std::env::vars_os().filter_map(text).collect()
}

/// Removes unknown and mistyped settings; returns their faults.
fn take_wrong(root: &mut Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    visit(root, "", &mut faults);
    faults.sort_by(|a, b| a.key.cmp(&b.key));
    faults
}

/// Visits a value; returns false if it must be removed.
fn visit(value: &mut Value, path: &str, faults: &mut Vec<Fault>) -> bool {
    let is_section = |path: &str| {
        KEYS.iter().any(|known| {
            known.key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.') || rest.starts_with("[]"))
        })
    };
    let is_list =
        KEYS.iter().any(|known| known.key.strip_prefix(path).is_some_and(|rest| rest.starts_with("[]")));
    let origin = value.origin().map_or_else(String::new, |origin| format!(", from {origin}"));
    let mut refused = |message: String| {
        faults.push(Fault { key: path.to_owned(), message: format!("{message}{origin}") });
        false
    };
    if let Some(known) = KEYS.iter().find(|known| known.key == path) {
        return match wrong_type(value, known.kind) {
            Some(expected) => refused(format!("must be {expected}")),
            None => true,
        };
    }
    if path.is_empty() || is_section(path) {
        return match &mut value.kind {
            ValueKind::Table(table) if !is_list => {
                table.retain(|name, inner| {
                    let inner_path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    visit(inner, &inner_path, faults)
                });
                true
            }
            ValueKind::Array(items) if is_list => {
                items.retain_mut(|item| visit(item, &format!("{path}[]"), faults));
                true
            }
            _ if is_list => refused("must be a list of tables".to_owned()),
            _ => refused("must be a table of settings".to_owned()),
        };
    }
    refused("there is no such setting".to_owned())
}

/// The expected type if the value has another one. Text from the environment and flags is converted.
fn wrong_type(value: &Value, kind: &str) -> Option<&'static str> {
    let value = value.clone();
    if kind.starts_with("integer") {
        return value.into_int().is_err().then_some("an integer");
    }
    if kind.starts_with("`true` or `false`") {
        return value.into_bool().is_err().then_some("true or false");
    }
    if kind.starts_with("list") {
        let texts =
            value.into_array().is_ok_and(|items| items.into_iter().all(|item| item.into_string().is_ok()));
        return (!texts).then_some("a list of strings");
    }
    match value.kind {
        ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Nil => Some("a string"),
        _ => None,
    }
}
