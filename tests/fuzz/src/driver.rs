//! Running one target: its kept inputs, then new ones until the time is over.

use crate::failure::{keep, run, shrunk, trace};
use crate::settings::{Settings, again};
use crate::watch::Watch;
use crate::{corpus, mutated, say};
use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Longest input, in bytes, when the target does not say.
const BYTES_MAX: usize = 4096;
/// How often an input is new from end to end and not a changed kept one.
const NEW_SHARE: f64 = 0.3;

/// What is fuzzed, and with which inputs.
#[derive(Clone, Debug)]
pub struct Target {
    name: &'static str,
    bytes_max: usize,
    folders: Vec<PathBuf>,
}

/// Where the kept inputs of a target are.
pub fn corpus_folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

impl Target {
    /// A target whose name is that of its test and of its folder in `corpus/`.
    pub fn new(name: &'static str) -> Self {
        Self { name, bytes_max: BYTES_MAX, folders: vec![corpus_folder(name)] }
    }

    /// No input is longer.
    #[must_use]
    pub fn bytes_max(self, bytes_max: usize) -> Self {
        Self { bytes_max, ..self }
    }

    /// Files that are kept elsewhere are inputs too.
    #[must_use]
    pub fn with_folder(mut self, folder: &Path) -> Self {
        self.folders.push(folder.to_owned());
        self
    }

    /// Panics when the property does not hold for some input, and says how to run that one again.
    pub fn check(&self, property: impl Fn(&[u8])) {
        self.check_with(&Settings::read(), &property);
    }

    fn check_with(&self, settings: &Settings, property: &dyn Fn(&[u8])) {
        if let Some(file) = &settings.replay {
            let input = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            return property(&input);
        }
        let watch = Watch::new(self.name);
        let one = |input: &[u8]| {
            watch.begins(input);
            if settings.trace {
                trace(self.name, input);
            }
            run(property, input)
        };
        let kept = corpus::read(&self.folders);
        for (path, input) in &kept {
            if let Err(why) = one(input) {
                panic!("fuzz {}: {why}\n  again: {}", self.name, again(self.name, path));
            }
        }
        let (deadline, mut round) = (Instant::now() + settings.time, 0);
        while Instant::now() < deadline {
            let input = self.input(settings.seed, round, &kept);
            if let Err(why) = one(&input) {
                let (input, why) = shrunk(property, &input, why);
                let file = keep(self.name, &input);
                panic!(
                    "fuzz {}: {why}\n  {} bytes, from seed {} round {round}; again: {}",
                    self.name,
                    input.len(),
                    settings.seed,
                    again(self.name, &file)
                );
            }
            round += 1;
        }
        say(format_args!(
            "fuzz {}: {} kept and {round} new inputs hold, seed {}",
            self.name,
            kept.len(),
            settings.seed
        ));
    }

    /// The input of one round: the same for the same seed, however fast the machine is.
    fn input(&self, seed: u64, round: u64, kept: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ round);
        if kept.is_empty() || rng.random_bool(NEW_SHARE) {
            // Short ones are as likely as long ones.
            let length = rng.random_range(0..=self.bytes_max.ilog2());
            let mut bytes = vec![0; rng.random_range(0..=1_usize << length)];
            rng.fill_bytes(&mut bytes);
            return bytes;
        }
        let mut pick = || kept[rng.random_range(0..kept.len())].1.as_slice();
        let (input, other) = (pick(), pick());
        mutated(&mut rng, input, other, self.bytes_max)
    }
}
