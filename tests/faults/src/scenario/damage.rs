//! F13 and F14: files of a stopped node are truncated or modified.

use crate::stage::Stage;
use crate::trace::{Fault, Trace};
use crate::wal::{self, Kind, Record};
use anyhow::Context as _;
use rand::Rng as _;
use reqwest::Method;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const WRITTEN_WITHIN: Duration = Duration::from_secs(15);
/// Maximum time until a node refuses its files.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);
/// The exit code of a node that cannot start.
const EXIT_FAILURE: i32 = 1;
/// The sector size in bytes.
const SECTOR: usize = 512;
/// Number of records at the tail that a truncation may reach.
const TORN_RECORDS: usize = 2;
/// Minimum number of truncations.
const CUTS_MIN: usize = 4;
/// Size of a document that is searched in a file.
const DOCUMENT_BYTES: usize = 2000;
/// Maximum number of kills to leave something unflushed.
const TRIES_MAX: usize = 200;
/// Duration of a flush while something must stay unflushed.
const SLOW: Duration = Duration::from_millis(500);

/// The newest log file of a node at its death.
struct Tail {
    at: usize,
    path: PathBuf,
    bytes: Vec<u8>,
    records: Vec<Record>,
}

/// Waits until the other nodes have everything that this node may lose, and kills it.
async fn die(stage: &mut Stage, at: usize) -> anyhow::Result<Tail> {
    stage.writes_go_on(5, WRITTEN_WITHIN).await?;
    stage.calm().await?;
    stage.cluster.node(at).kill()?;
    stage.load.hold(false);
    let path = wal::newest(stage.cluster.node(at).data())?;
    let bytes = fs::read(&path)?;
    let records = wal::records(&bytes);
    anyhow::ensure!(records.len() > TORN_RECORDS, "{} has few records", path.display());
    Ok(Tail { at, path, bytes, records })
}

/// Checks that the node refuses to start and states the reason; then restores its file.
async fn refused(stage: &mut Stage, tail: &Tail, damaged: usize, what: &str) -> anyhow::Result<()> {
    let node = stage.cluster.node(tail.at);
    let before = node.log_text().len();
    node.spawn()?;
    let status = node.exited(REFUSED_WITHIN).await.with_context(|| format!("{what} went unnoticed"))?;
    let said = node.log_text().split_off(before);
    let last = said.lines().last().unwrap_or_default().to_owned();
    let named = last.contains("is damaged") && last.contains(&tail.path.display().to_string());
    let offset = last.split("at byte ").nth(1).and_then(|rest| {
        rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse::<usize>().ok())
    });
    let holds = offset.is_some_and(|offset| offset <= damaged);
    let code = status.code();
    stage.demand(code == Some(EXIT_FAILURE), || format!("{what}: ended with {status}, not {EXIT_FAILURE}"));
    stage.demand(named && holds, || format!("{what} at byte {damaged}: the node says only: {last}"));
    stage.writes_go_on(10, WRITTEN_WITHIN).await.context("beside a damaged node")?;
    fs::write(&tail.path, &tail.bytes)?;
    stage.cluster.restart(tail.at).await.with_context(|| format!("{what}, repaired"))
}

/// F13: the tail of a dead node's log is torn: truncated within the unflushed bytes, or followed by zeros.
/// The node must start and get the lost entries from the others.
///
/// The reference truncates the last record in any case. Here only unflushed bytes are truncated, found by a
/// power cut of a node with slow flushes: a crash tears nothing else, and a member that loses acknowledged
/// entries must not return (see F13-acked).
///
/// The reference also requires that a node starts after its last sector was zeroed. Guardian refuses if the
/// zeros begin inside a complete record, which cannot be distinguished from a damaged acknowledged record.
/// Real power cuts leave zeros too (ext4 extends a file to the next block before it writes the data), but
/// these begin where a flush ended, between two records, and are cut off. In the other cases the refusal is
/// required.
pub async fn torn(stage: &mut Stage) -> anyhow::Result<()> {
    let began = Instant::now();
    let (mut rounds, mut tries, mut refusals) = (0, 0, 0);
    while rounds < CUTS_MIN || began.elapsed() < stage.time {
        tries += 1;
        anyhow::ensure!(tries <= TRIES_MAX, "nothing was left unflushed in {tries} kills");
        let at = stage.anyone();
        if let Some((tail, flushed)) = unflushed(stage, at).await? {
            let length = tail.bytes.len();
            let sector = flushed.max((length - 1) / SECTOR * SECTOR);
            let mut torn = tail.bytes.clone();
            stage.injected += 1;
            rounds += 1;
            if rounds % 4 == 2 {
                // The file was extended, but the data was not written.
                torn.resize(length + stage.random.random_range(1..10_000), 0);
            } else if rounds % 4 == 3 && splits(&tail, sector) {
                torn[sector..].fill(0);
                fs::write(&tail.path, &torn)?;
                refused(stage, &tail, sector, "a zeroed last sector").await?;
                refusals += 1;
                continue;
            } else {
                torn.truncate(stage.random.random_range(flushed..length));
            }
            fs::write(&tail.path, &torn)?;
        }
        stage.cluster.restart(at).await.context("with a torn log")?;
        stage.calm().await.context("the node catches up")?;
        stage.load.hold(false);
    }
    stage.note(format!("{refusals} of them a zeroed sector inside a record, refused"));
    Ok(())
}

/// Whether zeros from here on begin inside a record. The first bytes of a record are zeros as well.
fn splits(tail: &Tail, at: usize) -> bool {
    let inside = |record: &&Record| record.bytes.contains(&at);
    let record = tail.records.iter().find(inside);
    record.is_some_and(|record| tail.bytes[record.bytes.start..at].iter().any(|byte| *byte != 0))
}

/// Kills a node with slow flushes and cuts its power; returns what it had written and how much of it was
/// flushed. `None` if everything was flushed.
async fn unflushed(stage: &mut Stage, at: usize) -> anyhow::Result<Option<(Tail, usize)>> {
    stage.writes_go_on(5, WRITTEN_WITHIN).await?;
    let slow = Trace::attach(Fault::Slow(SLOW), stage.cluster.node(at).pid()?).await?;
    stage.pause(400..1000).await;
    stage.cluster.node(at).kill()?;
    drop(slow);
    let path = wal::newest(stage.cluster.node(at).data())?;
    let bytes = fs::read(&path)?;
    stage.cluster.disk(at)?.cut_power().await?;
    let flushed = fs::read(&path).unwrap_or_default();
    let records = wal::records(&bytes);
    let same = bytes.iter().zip(&flushed).take_while(|(written, kept)| written == kept).count();
    // ext4 may have extended the file to its next block without writing the data.
    if flushed[same..].iter().any(|byte| *byte != 0) {
        fs::write(stage.folder.join("written.wal"), &bytes)?;
        fs::write(stage.folder.join("flushed.wal"), &flushed)?;
        anyhow::bail!("{} changed under the power cut", path.display());
    }
    let some_left = bytes.len() > same && same > 0;
    Ok(some_left.then_some((Tail { at, path, bytes, records }, same)))
}

/// F13-acked, not part of the matrix: the truncation removes flushed and acknowledged records. No crash does
/// that, but a bad disk or a copied folder may. The others have all entries, so nothing is lost, but openraft
/// does not accept such a follower.
pub async fn forgotten(stage: &mut Stage) -> anyhow::Result<()> {
    let at = stage.follower().await?;
    let tail = die(stage, at).await?;
    let first = tail.records[tail.records.len() - TORN_RECORDS].bytes.start;
    OpenOptions::new().write(true).open(&tail.path)?.set_len(first as u64)?;
    stage.injected += 1;
    stage.cluster.restart(at).await?;
    stage.calm().await.context("the node catches up")?;
    stage.load.hold(false);
    Ok(())
}

/// F14: one bit of an entry in the middle of the log, or of a vote, is flipped while a node is down. The node
/// must refuse to start and name file and offset. The bit is restored afterwards; replacing a node is covered
/// by F15.
pub async fn flipped(stage: &mut Stage, kind: Kind) -> anyhow::Result<()> {
    let began = Instant::now();
    for round in 0.. {
        if round >= 2 && began.elapsed() >= stage.time {
            break;
        }
        let at = stage.anyone();
        let tail = die(stage, at).await?;
        let of_kind: Vec<&Record> = tail.records.iter().filter(|one| one.kind == kind).collect();
        if of_kind.is_empty() {
            // Elections leave votes in every log. Without one the newest file is new.
            stage.cluster.restart(at).await?;
            continue;
        }
        let record = of_kind[stage.random.random_range(0..of_kind.len())].bytes.clone();
        let byte = stage.random.random_range(record);
        flip(stage, &tail.path, &tail.bytes, byte)?;
        refused(stage, &tail, byte, &format!("a flipped bit in a record ({kind:?})")).await?;
    }
    stage.demand(stage.injected > 0, || "no record of that kind was found".to_owned());
    Ok(())
}

fn flip(stage: &mut Stage, path: &Path, bytes: &[u8], at: usize) -> anyhow::Result<()> {
    let byte = bytes.get(at).context("a byte of the file")? ^ (1 << stage.random.random_range(0..8));
    let file = OpenOptions::new().write(true).open(path)?;
    stage.injected += 1;
    Ok(file.write_all_at(&[byte], at as u64)?)
}

/// F14-state, not part of the matrix: one bit of a document in `state.redb` of a stopped node is flipped. No
/// checksum is verified when a document is read.
pub async fn rotten(stage: &mut Stage) -> anyhow::Result<()> {
    let at = stage.follower().await?;
    stage.write_beside(at, "rotten", DOCUMENT_BYTES).await?;
    stage.calm().await?;
    // A checkpoint is made every second.
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.cluster.node(at).kill()?;
    let path = stage.cluster.node(at).data().join("state.redb");
    let bytes = fs::read(&path)?;
    let text = [b'x'; DOCUMENT_BYTES / 2];
    let found = bytes.windows(text.len()).position(|window| window == text);
    flip(stage, &path, &bytes, found.context("the document is in the file")? + 100)?;
    stage.cluster.restart(at).await?;
    let key = "/api/v1/projects/beside/environments/default/configs/rotten";
    let (status, answer) = stage.cluster.ask(at, Method::GET, key, None, None).await?;
    let read = answer["content"]["text"].as_str().unwrap_or_default();
    let changed = status == 200 && read != "x".repeat(DOCUMENT_BYTES);
    stage.demand(!changed, || "the node served a document with a flipped bit".to_owned());
    stage.note(format!("reading the damaged document: {status} {}", answer["code"]));
    stage.load.hold(false);
    Ok(())
}
