//! What happens to an input that fails: it is made smaller, kept as a file, and shown with how to run it again.

use crate::settings;
use sha2::{Digest as _, Sha256};
use std::cell::Cell;
use std::fs;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Once;
use std::time::{Duration, Instant};

/// How long an input is made smaller.
const SHRINK_TIME: Duration = Duration::from_secs(10);

/// Runs the property; the message of its panic when it does not hold.
pub(crate) fn run(property: &dyn Fn(&[u8]), input: &[u8]) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| property(input))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

thread_local!(static QUIET: Cell<bool> = const { Cell::new(false) });

/// Keeps the many panics of this thread while an input is made smaller from being shown.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                before(panic);
            }
        }));
    });
    QUIET.set(true);
    let done = work();
    QUIET.set(false);
    done
}

/// A smaller input that fails too, and why it does.
pub(crate) fn shrunk(property: &dyn Fn(&[u8]), input: &[u8], why: String) -> (Vec<u8>, String) {
    quietly(|| shrink(property, input, why))
}

fn shrink(property: &dyn Fn(&[u8]), input: &[u8], why: String) -> (Vec<u8>, String) {
    let (mut smallest, mut why) = (input.to_vec(), why);
    let deadline = Instant::now() + SHRINK_TIME;
    let mut run_length = smallest.len().div_ceil(2);
    while run_length > 0 {
        let mut at = 0;
        while at < smallest.len() && Instant::now() < deadline {
            let mut smaller = smallest.clone();
            smaller.drain(at..(at + run_length).min(smallest.len()));
            match run(property, &smaller) {
                Ok(()) => at += run_length,
                Err(message) => (smallest, why) = (smaller, message),
            }
        }
        run_length /= 2;
    }
    (smallest, why)
}

/// Writes the input below `target/fuzz/`.
pub(crate) fn keep(target: &str, input: &[u8]) -> PathBuf {
    let digest = hex::encode(&Sha256::digest(input)[..4]);
    write(target, &digest, input)
}

/// Writes the input that runs next, over the one before.
pub(crate) fn trace(target: &str, input: &[u8]) {
    write(target, "last", input);
}

fn write(target: &str, name: &str, input: &[u8]) -> PathBuf {
    let folder = settings::workspace().join("target/fuzz");
    let path = folder.join(format!("{target}-{name}.bin"));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&path, input))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}
