//! A container goes when its test fails, and whether there must be an engine is for the environment to say.

use postgres_fixture::container::{Container, Data};
use std::process::{Command, Output};

/// Set in the process that looks for an engine where there is none.
const CHILD: &str = "POSTGRES_FIXTURE_CHILD";

/// Runs the test `name` of this program in a process of its own.
fn child(name: &str, variables: &[(&str, &str)]) -> Output {
    let this = std::env::current_exe().expect("a test is a program");
    let mut child = Command::new(this);
    child.args(["--exact", name]).env(CHILD, "1").env_remove("GUARDIAN_REQUIRE_DOCKER");
    child.envs(variables.iter().copied()).output().expect("a test can run itself")
}

fn answers(url: &str) -> bool {
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--command", "SELECT 1", url]).env("PGCONNECT_TIMEOUT", "2");
    psql.output().expect("psql can be run").status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_fails_leaves_no_container() {
    let Some(container) = Container::start(Data::Memory).await else { return };
    let url = container.server().empty();
    assert!(answers(&url));
    let failing = tokio::spawn(async move {
        let _held = container;
        panic!("on purpose");
    });
    failing.await.expect_err("it failed");
    assert!(!answers(&url), "its container is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_nothing_is_tested_and_that_is_said() {
    if std::env::var_os(CHILD).is_some() {
        assert!(Container::start(Data::Memory).await.is_none());
        return;
    }
    let name = "without_an_engine_nothing_is_tested_and_that_is_said";
    let nowhere = ("DOCKER_HOST", "tcp://127.0.0.1:1");
    let check = |variables: &[(&str, &str)], passes: bool| {
        let output = child(name, variables);
        let text = [output.stderr, output.stdout].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.success(), passes, "{text}");
        assert!(text.contains("no PostgreSQL in a container here: no Docker engine"), "{text}");
    };
    check(&[nowhere], true);
    check(&[nowhere, ("GUARDIAN_REQUIRE_DOCKER", "0")], true);
    check(&[nowhere, ("GUARDIAN_REQUIRE_DOCKER", "1")], false);
}
