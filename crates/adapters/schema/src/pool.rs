//! The thread pool for compilation and validation. Projects take turns: a project delays only its own jobs,
//! and never occupies every thread.

use application::ports::CheckFault;
use domain::ProjectName;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;

/// Maximum number of waiting jobs of one project.
pub const PROJECT_WAITING_MAX: usize = 256;
/// Number of waiting jobs from which each project is limited to an equal share of them.
pub const WAITING_MAX: usize = 4096;
/// Maximum time of one job, including its wait.
pub const WAIT_MAX: Duration = Duration::from_secs(10);
/// Minimum and maximum number of threads.
const THREADS: (usize, usize) = (2, 8);
/// Stack of each thread, in bytes: enough for the deepest accepted check.
const STACK_BYTES: usize = 16 * 1024 * 1024;

type Work = Box<dyn FnOnce(&AtomicBool) + Send>;

struct Job {
    /// Set when the caller no longer waits.
    cancelled: Arc<AtomicBool>,
    work: Work,
}

#[derive(Default)]
struct Queues {
    waiting: BTreeMap<ProjectName, VecDeque<Job>>,
    /// The projects with waiting jobs, in order of their turns.
    turns: VecDeque<ProjectName>,
    /// The number of threads that run jobs of each project.
    running: BTreeMap<ProjectName, usize>,
    total: usize,
    threads: usize,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    wake: Condvar,
}

/// The thread pool. Threads start with the first job and end when the pool is dropped.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: usize,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

/// Cancels the job when the waiting future is dropped.
struct Waiter(Arc<AtomicBool>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Pool {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(THREADS.0, usize::from);
        Self { shared: Arc::default(), threads: cores.clamp(THREADS.0, THREADS.1) }
    }

    /// Runs a job of a project and waits for its result. The job receives a flag that is set when the caller
    /// no longer waits.
    ///
    /// On a current-thread runtime (simulation) the job runs inline.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        project: &ProjectName,
        work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
    ) -> Result<T, CheckFault> {
        if Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::CurrentThread) {
            // Lets other tasks run between many inline jobs.
            tokio::task::consume_budget().await;
            return Ok(work(&AtomicBool::new(false)));
        }
        let (answer, answered) = oneshot::channel();
        let cancelled = Arc::new(AtomicBool::new(false));
        let _waiter = Waiter(cancelled.clone());
        let work: Work = Box::new(move |cancelled| drop(answer.send(work(cancelled))));
        self.push(project, Job { cancelled, work })?;
        match tokio::time::timeout(WAIT_MAX, answered).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) => Err(CheckFault::Failed),
            Err(_) => Err(CheckFault::Busy),
        }
    }

    fn push(&self, project: &ProjectName, job: Job) -> Result<(), CheckFault> {
        let mut queues = self.shared.lock();
        let projects = queues.waiting.len().max(1);
        let share = if queues.total < WAITING_MAX { PROJECT_WAITING_MAX } else { WAITING_MAX / projects };
        let length = |queues: &Queues| queues.waiting.get(project).map_or(0, VecDeque::len);
        if length(&queues) >= share.clamp(1, PROJECT_WAITING_MAX) {
            queues.forget_cancelled(project);
            if length(&queues) >= share.clamp(1, PROJECT_WAITING_MAX) {
                return Err(CheckFault::Busy);
            }
        }
        queues.total += 1;
        let queue = queues.waiting.entry(project.clone()).or_default();
        queue.push_back(job);
        if queue.len() == 1 {
            queues.turns.push_back(project.clone());
        }
        while queues.threads < self.threads {
            let (shared, most) = (self.shared.clone(), self.threads - 1);
            let thread = std::thread::Builder::new().name("schema".to_owned()).stack_size(STACK_BYTES);
            if thread.spawn(move || shared.work(most)).is_err() {
                break;
            }
            queues.threads += 1;
        }
        let threads = queues.threads;
        drop(queues);
        self.shared.wake.notify_one();
        if threads == 0 { Err(CheckFault::Busy) } else { Ok(()) }
    }
}

impl Queues {
    fn forget_cancelled(&mut self, project: &ProjectName) {
        let Some(queue) = self.waiting.get_mut(project) else { return };
        let before = queue.len();
        queue.retain(|job| !job.cancelled.load(Ordering::Relaxed));
        self.total -= before - queue.len();
        if queue.is_empty() {
            self.waiting.remove(project);
            self.turns.retain(|other| other != project);
        }
    }

    /// Takes the next job of the next project that occupies fewer than `most` threads.
    fn next(&mut self, most: usize) -> Option<(ProjectName, Job)> {
        for _ in 0..self.turns.len() {
            let project = self.turns.pop_front()?;
            if self.running.get(&project).copied().unwrap_or_default() >= most {
                self.turns.push_back(project);
                continue;
            }
            let Some(queue) = self.waiting.get_mut(&project) else { continue };
            let job = queue.pop_front();
            if queue.is_empty() {
                self.waiting.remove(&project);
            } else {
                self.turns.push_back(project.clone());
            }
            let Some(job) = job else { continue };
            self.total -= 1;
            *self.running.entry(project.clone()).or_default() += 1;
            return Some((project, job));
        }
        None
    }

    fn done(&mut self, project: &ProjectName) {
        if let Some(running) = self.running.get_mut(project) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(project);
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop of one thread.
    fn work(&self, most: usize) {
        let mut queues = self.lock();
        while !queues.closed {
            let Some((project, job)) = queues.next(most) else {
                queues = self.wake.wait(queues).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(queues);
            if !job.cancelled.load(Ordering::Relaxed) {
                let Job { cancelled, work } = job;
                // On a panic the dropped channel notifies the caller.
                drop(catch_unwind(AssertUnwindSafe(|| work(&cancelled))));
            }
            queues = self.lock();
            queues.done(&project);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::time::Instant;

    fn project(name: &str) -> ProjectName {
        ProjectName::parse(name).expect("a name")
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
    }

    /// A job that runs until it is cancelled or the sender is dropped.
    fn blocked(until: mpsc::Receiver<()>) -> impl FnOnce(&AtomicBool) + Send {
        move |cancelled| {
            while !cancelled.load(Ordering::Relaxed)
                && until.recv_timeout(Duration::from_millis(1)) == Err(mpsc::RecvTimeoutError::Timeout)
            {
            }
        }
    }

    #[test]
    fn one_project_never_holds_every_thread() {
        runtime().block_on(async {
            let pool = Arc::new(Pool::new());
            let mut held = Vec::new();
            for _ in 0..PROJECT_WAITING_MAX {
                let (shared, (keep, until)) = (pool.clone(), mpsc::channel());
                let task = tokio::spawn(async move { shared.run(&project("a"), blocked(until)).await });
                held.push((keep, task));
            }
            let start = Instant::now();
            for _ in 0..100 {
                assert_eq!(pool.run(&project("b"), |_| 7).await.expect("a thread is left"), 7);
            }
            assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
        });
    }

    #[test]
    fn a_full_queue_refuses_its_project_only() {
        runtime().block_on(async {
            let pool = Arc::new(Pool::new());
            let mut held = Vec::new();
            let full = async {
                // Threads take some jobs before the queue is full.
                while pool.shared.lock().total < PROJECT_WAITING_MAX {
                    let (shared, (keep, until)) = (pool.clone(), mpsc::channel());
                    let task = tokio::spawn(async move { shared.run(&project("a"), blocked(until)).await });
                    held.push((keep, task));
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::time::timeout(WAIT_MAX, full).await.expect("it fills");
            let refused = pool.run(&project("a"), |_| 7).await;
            assert!(matches!(refused, Err(CheckFault::Busy)), "{refused:?}");
            assert!(pool.run(&project("b"), |_| 7).await.is_ok());
            // A cancelled job frees its place in the queue.
            for (_, task) in &held {
                task.abort();
            }
            for (_, task) in held {
                drop(task.await);
            }
            assert!(pool.run(&project("a"), |_| 7).await.is_ok());
        });
    }

    #[test]
    fn work_that_nobody_waits_for_ends() {
        runtime().block_on(async {
            let pool = Arc::new(Pool::new());
            let (ended, end) = mpsc::channel();
            let work = move |cancelled: &AtomicBool| {
                while !cancelled.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                ended.send(()).expect("the test waits");
            };
            let name = project("a");
            let waiting = tokio::time::timeout(Duration::from_millis(50), pool.run(&name, work));
            assert!(waiting.await.is_err());
            assert!(end.recv_timeout(Duration::from_secs(5)).is_ok());
        });
    }

    #[test]
    fn a_panic_is_told_and_costs_no_thread() {
        runtime().block_on(async {
            let pool = Pool::new();
            for _ in 0..20 {
                let failed = pool.run(&project("a"), |_| panic!("planted")).await;
                assert!(matches!(failed, Err::<(), _>(CheckFault::Failed)));
            }
            assert!(pool.run(&project("a"), |_| 7).await.is_ok());
        });
    }
}
