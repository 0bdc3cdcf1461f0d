//! Large commands take turns by project. Otherwise small changes of other projects would wait until the disks
//! have written the large documents of one.

use domain::{Command, ProjectName};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Turns, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Total size of documents from which a command takes turns, in bytes.
const LARGE_BYTES: usize = 64 * 1024;
/// An idle project may write as much at once as in this time.
const BURST: Duration = Duration::from_secs(1);
/// Largest total size of waiting and running large commands of one project on this node, in KiB.
const PROJECT_KIB_MAX: usize = 16 * 1024;
/// The same for all projects together, in KiB.
const NODE_KIB_MAX: usize = 128 * 1024;
/// Number of projects above which idle ones are removed.
const PROJECTS_KEPT: usize = 1024;

/// The turns of all projects that write large documents through this node.
pub(super) struct LargeCommands {
    /// Rate of large documents for each project, in bytes per second; 0 means unlimited.
    bytes_per_second: u64,
    projects: Mutex<HashMap<Option<ProjectName>, Project>>,
    /// One permit for each KiB.
    room: Arc<Semaphore>,
}

/// The state of one project.
#[derive(Clone)]
struct Project {
    /// The time at which its next large command may start.
    next: Arc<Turns<Instant>>,
    /// One permit for each KiB.
    room: Arc<Semaphore>,
}

impl fmt::Debug for LargeCommands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LargeCommands")
            .field("bytes_per_second", &self.bytes_per_second)
            .finish_non_exhaustive()
    }
}

/// The turn of a project, until dropped; `None` for a small command.
pub(super) struct Turn(Option<(OwnedMutexGuard<Instant>, [OwnedSemaphorePermit; 2])>);

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Turn").field(&self.0.is_some()).finish()
    }
}

impl LargeCommands {
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, projects: Mutex::default(), room: Arc::new(Semaphore::new(NODE_KIB_MAX)) }
    }

    /// Waits for the project's turn, in order of arrival. `None` if it does not come by `deadline`, or if too
    /// much of the project or the node is already waiting. A small command does not wait.
    pub(super) async fn turn(&self, command: &Command, deadline: Instant) -> Option<Turn> {
        let bytes = command.content_bytes();
        if bytes < LARGE_BYTES || self.bytes_per_second == 0 {
            return Some(Turn(None));
        }
        let (own, room) = self.admit(command.project(), bytes)?;
        let mut next = timeout_at(deadline, own.next.lock_owned()).await.ok()?;
        let now = Instant::now();
        let start = (*next).max(now.checked_sub(BURST).unwrap_or(now));
        if start > deadline {
            return None;
        }
        sleep_until(start).await;
        #[expect(clippy::cast_precision_loss, reason = "a second has fewer bytes than 2^52")]
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        *next = start + takes;
        Some(Turn(Some((next, room))))
    }

    /// The project, with permits for this many bytes; `None` if the project or the node has too much in
    /// progress.
    fn admit(
        &self,
        project: Option<&ProjectName>,
        bytes: usize,
    ) -> Option<(Project, [OwnedSemaphorePermit; 2])> {
        let own = self.of(project);
        let kib = u32::try_from(bytes.div_ceil(1024)).ok()?;
        let room = |of: &Arc<Semaphore>| of.clone().try_acquire_many_owned(kib).ok();
        let room = [room(&own.room)?, room(&self.room)?];
        Some((own, room))
    }

    fn of(&self, name: Option<&ProjectName>) -> Project {
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if projects.len() > PROJECTS_KEPT {
            let waits = |own: &Project| own.next.try_lock().is_ok_and(|next| *next > now);
            projects.retain(|_, own| Arc::strong_count(&own.next) > 1 || waits(own));
        }
        let new = || Project {
            next: Arc::new(Turns::new(now.checked_sub(BURST).unwrap_or(now))),
            room: Arc::new(Semaphore::new(PROJECT_KIB_MAX)),
        };
        projects.entry(name.cloned()).or_insert_with(new).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        BindingChange, ChangeKind, ConfigId, ConfigKey, Content, EnvironmentName, Message, Precondition,
    };

    const DEADLINE: Duration = Duration::from_secs(5);

    fn put(project: &str, bytes: usize) -> Command {
        Command::PutConfig {
            id: ConfigId {
                project: ProjectName::parse(project).expect("a name"),
                environment: EnvironmentName::parse("default").expect("a name"),
                key: ConfigKey::parse("a").expect("a key"),
            },
            content: Content::from_compact(&format!("\"{}\"", "x".repeat(bytes - 2))).expect("small"),
            binding: BindingChange::Keep,
            checked: None,
            expected: Precondition::Any,
            kind: ChangeKind::Update,
            message: Message::default(),
            keep_same: false,
        }
    }

    /// The time until `command` has its turn, in milliseconds.
    async fn waits(large: &LargeCommands, command: &Command) -> Option<u128> {
        let began = Instant::now();
        let turn = large.turn(command, began + DEADLINE).await;
        turn.map(|_| began.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn one_project_does_not_take_the_time_of_another() {
        let large = LargeCommands::new(1_000_000);
        tokio::time::advance(BURST).await;
        let (one, other) = (put("one", 500_000), put("other", 500_000));
        // First what one second allows, and then by the rate.
        assert_eq!(waits(&large, &one).await, Some(0));
        assert_eq!(waits(&large, &one).await, Some(0));
        assert_eq!(waits(&large, &one).await, Some(0));
        assert_eq!(waits(&large, &one).await, Some(500));
        assert_eq!(waits(&large, &put("one", LARGE_BYTES - 1)).await, Some(0), "a small one");
        assert_eq!(waits(&large, &other).await, Some(0), "of another project");
    }

    #[tokio::test(start_paused = true)]
    async fn one_command_of_a_project_at_a_time_until_the_deadline() {
        let large = LargeCommands::new(1_000_000);
        let command = put("one", 100_000);
        let held = large.turn(&command, Instant::now() + DEADLINE).await.expect("the first");
        assert_eq!(waits(&large, &command).await, None, "while the first is under way");
        drop(held);
        assert!(waits(&large, &command).await.is_some());
        let long = put("one", 900_000);
        let mut refused = 0;
        for _ in 0..8 {
            let deadline = Instant::now() + Duration::from_millis(100);
            refused += usize::from(large.turn(&long, deadline).await.is_none());
        }
        assert!(refused > 0, "a turn that comes after the deadline is refused at once");
    }

    #[tokio::test]
    async fn what_waits_is_bounded_in_bytes_by_project_and_by_node() {
        const MIB: usize = 1024 * 1024;
        let large = LargeCommands::new(1_000_000);
        let name = |number: usize| ProjectName::parse(&format!("p{number}")).expect("a name");
        let project_max = PROJECT_KIB_MAX / 1024;
        let one: Vec<_> = (0..project_max).map_while(|_| large.admit(Some(&name(0)), MIB)).collect();
        assert_eq!(one.len(), project_max);
        assert!(large.admit(Some(&name(0)), MIB).is_none(), "the project has no room");
        let others: Vec<_> = (project_max..).map_while(|n| large.admit(Some(&name(n)), MIB)).collect();
        assert_eq!(one.len() + others.len(), NODE_KIB_MAX / 1024, "until the node has no room");
        drop(one);
        assert!(large.admit(Some(&name(0)), MIB).is_some(), "room comes back");
    }

    #[tokio::test(start_paused = true)]
    async fn projects_that_write_nothing_large_are_forgotten() {
        let large = LargeCommands::new(1_000_000);
        for number in 0..3 * PROJECTS_KEPT {
            waits(&large, &put(&format!("p{number}"), LARGE_BYTES)).await;
            tokio::time::advance(BURST).await;
        }
        assert!(large.projects.lock().expect("whole").len() <= PROJECTS_KEPT + 1);
    }
}
