//! Ends the process when one input takes too long: a loop without end cannot be caught, only shown.

use crate::failure::keep;
use crate::{say, settings};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// More than any input may take, on a slow machine and without optimisation.
const INPUT_TIME_MAX: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(500);

type Current = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

/// Watches one target while it lives.
pub(crate) struct Watch {
    current: Current,
    over: Arc<AtomicBool>,
}

impl Watch {
    pub(crate) fn new(target: &'static str) -> Self {
        let watch = Self { current: Arc::default(), over: Arc::default() };
        let (current, over) = (watch.current.clone(), watch.over.clone());
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                thread::sleep(PAUSE);
                let held = current.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((since, input)) = &*held
                    && since.elapsed() > INPUT_TIME_MAX
                {
                    let again = settings::again(target, &keep(target, input));
                    say(format_args!(
                        "fuzz {target}: an input took more than {INPUT_TIME_MAX:?}:\n  {again}"
                    ));
                    process::exit(101);
                }
            }
        });
        watch
    }

    /// From now on this input runs.
    pub(crate) fn begins(&self, input: &[u8]) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), input.to_vec()));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
