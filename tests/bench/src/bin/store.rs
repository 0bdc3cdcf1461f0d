//! What a write costs the state machine: written behind in checkpoints, against one redb transaction for
//! each applied batch that is only flushed once a second. Both ways run interleaved in one process on one disk.

#![expect(clippy::print_stdout, reason = "a command-line report")]

use adapter_raft::codec::command::encode_command;
use adapter_raft::store::{Batch, Change, Engine, EngineView, Item, RedbEngine, Store, Table};
use adapter_raft::type_config::{LeaderId, LogId};
use anyhow::Result;
use domain::{
    Actor, BindingChange, ChangeKind, Command, ConfigId, ConfigKey, Content, DisplayName, EnvironmentName,
    Message, Precondition, ProjectName, RequestId, Stamped, Timestamp,
};
use openraft::vote::RaftLeaderId as _;
use redb::{Database, Durability, TableDefinition};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const KEYS: u64 = 10_000;
const PUTS: u64 = 20_000;
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    println!("{PUTS} puts over {KEYS} keys; puts/s, best of 3, interleaved");
    println!("{:>9} {:>6} {:>12} {:>16} {:>6}", "document", "batch", "behind", "each batch", "ratio");
    for bytes in [256, 2048] {
        for batch in [1, 16, 128] {
            let (mut behind, mut each) = (0.0_f64, 0.0_f64);
            for _ in 0..3 {
                behind = behind.max(run(bytes, batch, true)?);
                each = each.max(run(bytes, batch, false)?);
            }
            println!("{bytes:>7} B {batch:>6} {behind:>12.0} {each:>16.0} {:>6.2}", behind / each);
        }
    }
    Ok(())
}

/// Puts per second of one way, its last checkpoint included.
fn run(bytes: usize, batch: usize, behind: bool) -> Result<f64> {
    let dir = tempfile::tempdir_in(".")?;
    let path = dir.path().join("state.redb");
    let engine: Arc<dyn Engine> = if behind {
        Arc::new(RedbEngine::open(&path)?)
    } else {
        Arc::new(EachBatch(Database::create(&path)?, Mutex::new(Instant::now())))
    };
    let store = Arc::new(Store::open(engine)?);
    let project = ProjectName::parse("bench")?;
    store.apply(vec![item(
        1,
        Command::CreateProject { name: project, display_name: DisplayName::default() },
    )?])?;
    let items: Vec<Item> = (0..PUTS).map(|n| item(n + 2, put(n, bytes)?)).collect::<Result<_>>()?;
    let began = Instant::now();
    let mut last = began;
    let mut items = items.into_iter().peekable();
    std::thread::scope(|scope| -> Result<()> {
        while items.peek().is_some() {
            store.apply(items.by_ref().take(batch).collect())?;
            if !behind {
                store.checkpoint()?;
            } else if last.elapsed() > CHECKPOINT_INTERVAL {
                last = Instant::now();
                scope.spawn(|| store.checkpoint());
            }
        }
        Ok(())
    })?;
    store.checkpoint()?;
    let puts = u32::try_from(PUTS)?;
    Ok(f64::from(puts) / began.elapsed().as_secs_f64())
}

fn put(n: u64, bytes: usize) -> Result<Command> {
    let key = n.wrapping_mul(2_654_435_761) % KEYS;
    let text = format!("\"{}\"", "x".repeat(bytes.saturating_sub(2)));
    Ok(Command::PutConfig {
        id: ConfigId {
            project: ProjectName::parse("bench")?,
            environment: EnvironmentName::parse("default")?,
            key: ConfigKey::parse(&format!("key-{key}"))?,
        },
        content: Content::from_compact(&text)?,
        binding: BindingChange::Keep,
        checked: None,
        // Either creates or replaces; a refused one would cost less and make the figure too good.
        expected: if n < KEYS { Precondition::Absent } else { Precondition::Present },
        kind: ChangeKind::Update,
        message: Message::default(),
        keep_same: false,
    })
}

fn item(index: u64, command: Command) -> Result<Item> {
    let stamped = Stamped {
        command,
        actor: Actor::System,
        request_id: RequestId::parse("bench")?,
        at: Timestamp(0),
        idempotency: None,
        person: None,
        provenance: domain::Provenance::default(),
    };
    let log_id = LogId::new(LeaderId::new(1, 1), index);
    Ok(Item { log_id, change: Change::Command(encode_command(&stamped)?.into()) })
}

/// redb as the design first had it: a transaction for each batch, flushed once a second.
#[derive(Debug)]
struct EachBatch(Database, Mutex<Instant>);

impl Engine for EachBatch {
    fn commit(&self, batch: &Batch) -> io::Result<()> {
        let mut transaction = self.0.begin_write().map_err(io::Error::other)?;
        let mut flushed = self.1.lock().map_err(|_| io::Error::other("a panic"))?;
        if flushed.elapsed() > CHECKPOINT_INTERVAL {
            *flushed = Instant::now();
            transaction.set_quick_repair(true);
        } else {
            transaction.set_durability(Durability::None).map_err(io::Error::other)?;
        }
        for table in [Table::State, Table::Configs, Table::Schemas, Table::Audit, Table::Marker] {
            let name = format!("{table:?}");
            let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(&name);
            let mut open = transaction.open_table(definition).map_err(io::Error::other)?;
            for (_, key, value) in batch.changes.iter().filter(|(of, ..)| *of == table) {
                match value {
                    Some(value) => open.insert(key.as_slice(), value.as_slice()).map_err(io::Error::other)?,
                    None => open.remove(key.as_slice()).map_err(io::Error::other)?,
                };
            }
        }
        transaction.commit().map_err(io::Error::other)
    }

    fn view(&self) -> io::Result<Box<dyn EngineView>> {
        Ok(Box::new(Empty))
    }

    fn replace(&self, _: &mut dyn FnMut() -> io::Result<Option<Batch>>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The benchmark never reads back.
struct Empty;

impl EngineView for Empty {
    fn get(&self, _: Table, _: &[u8]) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn scan(
        &self,
        _: Table,
        _: (std::ops::Bound<&[u8]>, std::ops::Bound<&[u8]>),
        _: bool,
        _: &mut dyn FnMut(&[u8], &[u8]) -> io::Result<bool>,
    ) -> io::Result<()> {
        Ok(())
    }
}
