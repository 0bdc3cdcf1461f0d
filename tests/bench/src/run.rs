//! One run: get both systems ready, then give each cell's load to one system after the other.

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};

use crate::cluster::{Cluster, Operation, System};
use crate::document::KEYS;
use crate::etcd::Etcd;
use crate::guardian::Guardian;
use crate::load::{Outcome, Window, create_keys, measure};
use crate::machine::Machine;
use crate::report::{Cell, Report, Row};
use crate::settings::Settings;

/// Connections that create the keys.
const CREATORS: usize = 16;

/// Runs every cell, prints the report as it grows, and fails when any answer was wrong.
pub async fn run(settings: &Settings) -> Result<()> {
    ensure!(settings.clients.iter().all(|&clients| clients > 0), "--clients: at least 1");
    ensure!(settings.seconds > 0.0 && settings.rounds > 0, "--seconds and --rounds: more than 0");
    let machine = Machine::look(&settings.data_dir).context("look at the machine")?;
    ensure!(machine.filesystem != "tmpfs", "{} is on tmpfs: no flush there", settings.data_dir.display());
    let etcd = settings
        .wants(System::Etcd)
        .then(|| Etcd::new(&settings.etcd, settings.etcd_pids.clone()))
        .transpose()?;
    let guardian = settings
        .wants(System::Guardian)
        .then(|| Guardian::open(settings.guardian.as_deref().context("--guardian says where dev.json is")?))
        .transpose()?;

    let mut versions = Vec::new();
    if let Some(etcd) = &etcd {
        etcd.wait_ready().await?;
        versions.push(format!("etcd {}", etcd.version().await?));
        create_keys(etcd.connect_clients(settings.endpoints, CREATORS).await?).await.context("etcd")?;
    }
    if let Some(guardian) = &guardian {
        guardian.wait_ready().await?;
        versions.push(format!("guardian {}", settings.guardian_version));
        guardian.register_schema().await?;
        let creators = guardian.connect_clients(settings.endpoints, CREATORS).await?;
        create_keys(creators).await.context("guardian")?;
    }

    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let mut report = Report::new(settings, machine, versions, started);
    report.print_header();
    for operation in Operation::MEASURED {
        for &clients in &settings.clients {
            let row = row(settings, etcd.as_ref(), guardian.as_ref(), operation, clients).await?;
            report.add(row);
        }
    }
    report.print_footer();
    if let Some(path) = &settings.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?).context("write the JSON report")?;
    }
    let errors = report.errors();
    ensure!(errors == 0, "{errors} wrong or failed answers: the run does not count");
    Ok(())
}

/// One operation with one number of clients: the systems in turns, so that noise hits both.
async fn row(
    settings: &Settings,
    etcd: Option<&Etcd>,
    guardian: Option<&Guardian>,
    operation: Operation,
    clients: usize,
) -> Result<Row> {
    let (mut of_etcd, mut of_guardian) = (Cell::new()?, Cell::new()?);
    for _ in 0..settings.rounds {
        if let Some(etcd) = etcd {
            of_etcd.add(cell(settings, etcd, operation, clients).await.context("etcd")?)?;
        }
        if let Some(guardian) = guardian {
            of_guardian.add(cell(settings, guardian, operation, clients).await.context("guardian")?)?;
        }
    }
    Ok(Row::new(operation, clients, etcd.map(|_| of_etcd), guardian.map(|_| of_guardian)))
}

async fn cell<C: Cluster>(
    settings: &Settings,
    cluster: &C,
    operation: Operation,
    clients: usize,
) -> Result<Outcome> {
    let window = Window { warm_up: settings.warm_up(), measured: settings.measured(), keys: KEYS };
    let clients = cluster.connect_clients(settings.endpoints, clients).await?;
    measure(clients, operation, window, cluster.pids()).await
}
