//! The server goes when its process goes, however that ends.

use postgres_fixture::Server;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Set in the process that is killed; it writes the address and waits.
const CHILD: &str = "POSTGRES_FIXTURE_CHILD";

fn answers(url: &str) -> bool {
    let output = Command::new("psql").args(["--no-psqlrc", "--command", "SELECT 1", url]).output();
    output.expect("psql can be run").status.success()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn databases_are_apart_and_survive_a_stop() {
    let server = Server::start();
    let create = |url: &str| {
        let output =
            Command::new("psql").args(["--no-psqlrc", "--command", "CREATE TABLE t (n INT)", url]).output();
        output.expect("psql can be run").status.success()
    };
    let first = server.copy_of("with-table".replace('-', "_").as_str(), |url| assert!(create(url)));
    assert!(!create(&first), "the copy has the table of the template");
    assert!(create(&server.empty()));
    server.stop();
    assert!(!answers(&first));
    server.resume();
    assert!(answers(&first));
    assert!(!create(&first), "the table is still there");
}

#[test]
fn a_killed_process_leaves_no_server() {
    if let Ok(place) = std::env::var(CHILD) {
        let server = Server::start();
        std::fs::write(Path::new(&place).join("url.part"), server.url("postgres")).expect("written");
        std::fs::rename(Path::new(&place).join("url.part"), Path::new(&place).join("url")).expect("renamed");
        std::thread::sleep(Duration::from_mins(1));
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let this = std::env::current_exe().expect("a test is a program");
    let mut child = Command::new(this)
        .args(["--exact", "a_killed_process_leaves_no_server"])
        .env(CHILD, place.path())
        .env("TMPDIR", shared_folder())
        .stdout(Stdio::null())
        .spawn()
        .expect("a test can run itself");
    let url_file = place.path().join("url");
    wait_until("the server runs", || url_file.exists());
    let url = std::fs::read_to_string(&url_file).expect("an address");
    assert!(answers(&url));
    let folders = || std::fs::read_dir(shared_folder()).expect("a folder").count();
    assert_eq!(folders(), 1);
    child.kill().expect("killed");
    child.wait().expect("gone");
    wait_until("the server is gone", || !answers(&url));
    wait_until("its folder is gone", || folders() == 0);
    std::fs::remove_dir(shared_folder()).expect("an empty folder goes");
}

/// A folder that the server's user may make others in.
fn shared_folder() -> PathBuf {
    let id = std::env::var(CHILD).map_or_else(|_| std::process::id(), |_| 0);
    let path = std::env::temp_dir().join(format!("guardian-fixture-{id}"));
    if !path.exists() {
        std::fs::create_dir(&path).expect("a folder");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(&path, open).expect("its owner may");
    }
    path
}
