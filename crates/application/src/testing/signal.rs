//! Change signals without a runtime: a counter, and the wakers that wait for it.

use crate::ports::ChangeSignal;
use async_trait::async_trait;
use domain::Revision;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Notifies every watcher of every change, whatever its environment.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<Mutex<Rings>>);

#[derive(Debug, Default)]
struct Rings {
    newest: Revision,
    count: u64,
    silent: bool,
    waiting: Vec<Waker>,
}

#[derive(Debug)]
struct Follower {
    bell: Bell,
    heard: u64,
}

impl Bell {
    /// Notifies watchers of a change at this revision.
    pub fn ring(&self, revision: Revision) {
        self.change(|rings| {
            rings.newest = revision;
            rings.count += 1;
        });
    }

    /// Reports that no more changes will come.
    pub fn silence(&self) {
        self.change(|rings| rings.silent = true);
    }

    /// A signal for one watcher.
    pub fn follow(&self) -> Box<dyn ChangeSignal> {
        Box::new(Follower { bell: self.clone(), heard: self.rings().count })
    }

    fn change(&self, change: impl FnOnce(&mut Rings)) {
        let waiting = {
            let mut rings = self.rings();
            change(&mut rings);
            std::mem::take(&mut rings.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    fn rings(&self) -> MutexGuard<'_, Rings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ChangeSignal for Follower {
    fn newest(&self) -> Revision {
        self.bell.rings().newest
    }

    async fn changed(&mut self) -> bool {
        let (bell, heard) = (&self.bell, &mut self.heard);
        std::future::poll_fn(|context| {
            let mut rings = bell.rings();
            if rings.silent {
                return Poll::Ready(false);
            }
            if rings.count == *heard {
                rings.waiting.push(context.waker().clone());
                return Poll::Pending;
            }
            *heard = rings.count;
            Poll::Ready(true)
        })
        .await
    }
}
