//! What the environment says: how long, from which seed, or one input again.

use rand::TryRngCore as _;
use rand::rngs::OsRng;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long each target gets random inputs, in seconds.
const SECONDS: &str = "GUARDIAN_FUZZ_SECONDS";
/// The seed of the random inputs, a whole number.
const SEED: &str = "GUARDIAN_FUZZ_SEED";
/// A file to be run instead of everything else.
const REPLAY: &str = "GUARDIAN_FUZZ_REPLAY";
/// When set, each input is written to a file before it is run: for failures that end the process.
const TRACE: &str = "GUARDIAN_FUZZ_TRACE";
const SECONDS_DEFAULT: f64 = 3.0;

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) time: Duration,
    pub(crate) seed: u64,
    pub(crate) replay: Option<PathBuf>,
    pub(crate) trace: bool,
}

impl Settings {
    pub(crate) fn read() -> Self {
        let number = |name: &str| {
            let text = env::var(name).ok()?;
            Some(text.parse::<f64>().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")))
        };
        let seed = env::var(SEED).ok().map(|text| {
            text.parse().unwrap_or_else(|_| panic!("{SEED} must be a whole number, not {text:?}"))
        });
        Self {
            time: Duration::from_secs_f64(number(SECONDS).unwrap_or(SECONDS_DEFAULT)),
            seed: seed.unwrap_or_else(|| {
                // Short enough to be typed.
                u64::from(OsRng.try_next_u32().expect("the operating system has random numbers"))
            }),
            replay: env::var_os(REPLAY).map(|path| workspace().join(path)),
            trace: env::var_os(TRACE).is_some(),
        }
    }
}

/// The folder of the whole workspace; paths are shown relative to it.
pub(crate) fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("the package is two folders inside the workspace")
}

/// How to run a file again.
pub(crate) fn again(target: &str, file: &Path) -> String {
    let file = file.strip_prefix(workspace()).unwrap_or(file);
    format!("{REPLAY}={} cargo test -p fuzz {target}", file.display())
}
