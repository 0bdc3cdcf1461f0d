//! What must never be shown. With `GUARDIAN_LEAKS_DIR` set, every secret of a run is noted there, and so is every text
//! in which one could be: logs, metrics, refusals, what is read. `scripts/leaks` then looks for the ones in the others.

use crate::Answer;
use serde_json::Value;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Where it is noted.
const FOLDER: &str = "GUARDIAN_LEAKS_DIR";
/// Members of JSON bodies that are secrets.
const MEMBERS: [&str; 12] = [
    "access_token",
    "challenge",
    "csrf_token",
    "current_password",
    "invitation",
    "new_password",
    "password",
    "recovery_code",
    "recovery_codes",
    "refresh_token",
    "secret",
    "token",
];
/// How API keys begin, and how long they are at least: what is shown of one is shorter.
const KEY_PREFIX: &str = "gdn_";
const KEY_BYTES_MIN: usize = 24;
/// A shorter text could be in a log by chance.
const SECRET_BYTES_MIN: usize = 12;
/// Longest answer that is kept.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

static PLACE: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let folder = PathBuf::from(std::env::var_os(FOLDER)?);
    fs::create_dir_all(&folder).expect("the folder for leaks can be made");
    Some(folder)
});
static KNOWN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// Where a node writes its log: where it is looked through, else in its own folder.
pub(crate) fn log_file(folder: &Path) -> PathBuf {
    let own = folder.join("node.log");
    let Some(place) = &*PLACE else { return own };
    let names = own.ancestors().skip(1).take(3).filter_map(Path::file_name).filter_map(OsStr::to_str);
    place.join(format!("{}.log", names.collect::<Vec<_>>().join("-")))
}

/// Notes a secret.
pub(crate) fn secret(text: &str) {
    let Some(place) = &*PLACE else { return };
    let text = text.trim();
    if text.len() < SECRET_BYTES_MIN || text.contains('\n') {
        return;
    }
    if KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned()) {
        append(place, "secrets", text);
    }
}

/// Notes every secret in the files of a new cluster: keys, line by line.
pub(crate) fn secrets_below(folder: &Path) {
    if PLACE.is_none() {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            secrets_below(&path);
        } else if path.extension().is_some_and(|one| one == "key") || is_private(&path) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            text.lines().filter(|line| !line.starts_with("-----")).for_each(secret);
        }
    }
}

fn is_private(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    name.ends_with("key.pem") || name.starts_with("signing-")
}

/// Notes the secrets of a request's body.
pub(crate) fn request(body: &Value) {
    if PLACE.is_some() {
        inside(body, false);
    }
}

/// Notes the secrets of an answer that gives some, and keeps any other.
pub(crate) fn answer(method: &str, answer: &Answer) {
    let Some(place) = &*PLACE else { return };
    if answer.body.len() > ANSWER_BYTES_MAX {
        return;
    }
    if answer.status < 400 && method != "GET" {
        if let Ok(body) = serde_json::from_slice(&answer.body) {
            inside(&body, false);
        }
        return;
    }
    append(place, "answers", &String::from_utf8_lossy(&answer.body));
}

fn inside(value: &Value, is_secret: bool) {
    match value {
        Value::String(text) => {
            let key = text.starts_with(KEY_PREFIX) && text.len() >= KEY_BYTES_MIN;
            if is_secret || key {
                secret(text);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| inside(item, is_secret)),
        Value::Object(members) => {
            members.iter().for_each(|(name, item)| inside(item, MEMBERS.contains(&name.as_str())));
        }
        _ => {}
    }
}

fn append(place: &Path, kind: &str, line: &str) {
    static WRITING: Mutex<()> = Mutex::new(());
    let _turn = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = place.join(format!("{}.{kind}", std::process::id()));
    let mut file =
        File::options().create(true).append(true).open(path).expect("a file for leaks can be opened");
    writeln!(file, "{line}").expect("a file for leaks can be written");
}
