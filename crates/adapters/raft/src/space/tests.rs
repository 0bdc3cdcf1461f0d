//! Tests of a disk that fills up and gets space again.

use super::*;
use crate::codec::command::encode_command;
use domain::{
    Actor, Command, ConfigId, ConfigKey, EnvironmentName, Message, Precondition, ProjectName, Provenance,
    RequestId, Stamped, Timestamp,
};
use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// A disk with the given number of free bytes, minus the reserve in the folder.
#[derive(Debug, Default)]
struct Told(AtomicU64);

impl Disk for Told {
    fn measure(&self, folder: &Path) -> io::Result<Measured> {
        let reserve = std::fs::metadata(folder.join("reserve")).map_or(0, |found| found.len());
        Ok(Measured { free: self.0.load(Ordering::Relaxed).saturating_sub(reserve), total: 1024 * MIB })
    }
}

struct World {
    dir: tempfile::TempDir,
    disk: Arc<Told>,
    space: Space,
}

impl World {
    fn new() -> Self {
        let (dir, disk) = (tempfile::tempdir().expect("a folder"), Arc::new(Told::default()));
        let log = dir.path().join("log");
        std::fs::create_dir(&log).expect("a folder");
        let space = Space::watch(dir.path(), &log, SpaceLimits { free_bytes_min: 64 * MIB }, disk.clone());
        Self { dir, disk, space }
    }

    fn free(&self, bytes: u64) -> Level {
        self.disk.0.store(bytes, Ordering::Relaxed);
        self.space.refresh();
        self.space.level()
    }

    fn has_reserve(&self) -> bool {
        self.dir.path().join("reserve").exists()
    }
}

fn encoded(command: Command) -> Vec<u8> {
    let stamped = Stamped {
        command,
        actor: Actor::System,
        request_id: RequestId::parse("r").expect("an id"),
        at: Timestamp(0),
        idempotency: None,
        person: None,
        provenance: Provenance::default(),
    };
    encode_command(&stamped).expect("bytes")
}

fn project() -> ProjectName {
    ProjectName::parse("p").expect("a name")
}

fn growing() -> Vec<u8> {
    encoded(Command::CreateProject { name: project(), display_name: domain::DisplayName::default() })
}

fn shrinking() -> Vec<u8> {
    let id = ConfigId {
        project: project(),
        environment: EnvironmentName::parse("default").expect("a name"),
        key: ConfigKey::parse("k").expect("a key"),
    };
    encoded(Command::DeleteConfig { id, expected: Precondition::Present, message: Message::default() })
}

fn upkeep() -> Vec<u8> {
    encoded(Command::PruneHistory { pruned: Vec::new() })
}

fn refused(space: &Space) -> [bool; 3] {
    [growing(), shrinking(), upkeep()].map(|command| space.refuses(&command))
}

#[test]
fn what_grows_is_refused_below_the_limit_and_accepted_again_above_it() {
    let world = World::new();
    assert_eq!(world.free(100 * MIB), Level::Ample);
    assert_eq!(refused(&world.space), [false; 3]);
    assert_eq!(world.free(63 * MIB), Level::Low);
    assert_eq!(refused(&world.space), [true, false, false]);
    // The level does not flap at the limit.
    assert_eq!(world.free(65 * MIB), Level::Low);
    assert_eq!(world.free(72 * MIB), Level::Ample);
    assert_eq!(refused(&world.space), [false; 3]);
    // More than there is: the reserve is deleted.
    assert!(!world.space.has_room(u64::MAX));
    assert_eq!(world.free(MIB), Level::Full);
    assert_eq!(refused(&world.space), [true, true, false]);
    assert_eq!(world.free(500 * MIB), Level::Ample);
}

#[test]
fn the_reserve_is_used_when_others_fill_the_disk_and_set_aside_again() {
    let world = World::new();
    world.free(500 * MIB);
    if !world.has_reserve() {
        // This file system cannot allocate space.
        return;
    }
    world.free(70 * MIB);
    assert!(world.has_reserve());
    // Another program used all space but the reserve of 16 MiB.
    assert_eq!(world.free(16 * MIB), Level::Low, "the reserve is space");
    assert!(world.has_reserve(), "or whoever fills the disk would take it too");
    assert!(world.space.has_room(15 * MIB));
    assert!(!world.has_reserve(), "it is given up at need");
    assert!(!world.space.has_room(17 * MIB));
    assert!(!world.space.has_room_to_spare(MIB), "a snapshot does not take the last of it");
    world.free(90 * MIB);
    assert!(!world.has_reserve(), "there must be more than enough");
    world.free(500 * MIB);
    assert!(world.has_reserve());
}

#[test]
fn the_log_has_blocks_behind_its_end() {
    use std::os::unix::fs::MetadataExt as _;
    let world = World::new();
    let file = world.dir.path().join("log/r-00_000_000.wal");
    std::fs::write(&file, b"entries").expect("written");
    world.free(500 * MIB);
    let found = std::fs::metadata(&file).expect("a file");
    assert_eq!(found.len(), 7, "no longer than it was");
    if world.has_reserve() {
        assert!(found.blocks() * 512 >= 4 * MIB, "{} blocks", found.blocks());
    }
}

#[tokio::test(start_paused = true)]
async fn the_leader_refuses_for_its_members_while_they_answer() {
    let space = Space::default();
    assert_eq!(refused(&space), [false; 3]);
    space.heard(2, Level::Ample);
    space.heard(3, Level::Low);
    assert_eq!(refused(&space), [true, false, false]);
    assert_eq!(space.level(), Level::Ample, "its own disk is well");
    // A member that is down writes nothing.
    tokio::time::advance(Duration::from_secs(4)).await;
    assert_eq!(refused(&space), [false; 3]);
    space.heard(3, Level::Full);
    assert_eq!(refused(&space), [true, true, false]);
    space.heard(3, Level::Ample);
    assert_eq!(refused(&space), [false; 3]);
}

#[test]
fn the_limit_follows_the_size_of_the_disk() {
    let limit = |total| SpaceLimits::default().limit(total);
    assert_eq!(limit(64 * MIB), 16 * MIB);
    assert_eq!(limit(2048 * MIB), 256 * MIB);
    assert_eq!(limit(10 * 1024 * MIB), 512 * MIB);
    assert_eq!(limit(1024 * 1024 * MIB), 1024 * MIB);
    assert_eq!(SpaceLimits { free_bytes_min: 7 }.limit(1024 * MIB), 7);
}
