//! The page at `/docs` in a headless Chromium, which `scripts/test` installs.

use crate::shared::cluster;
use e2e::say;
use std::path::Path;
use std::process::Command;

/// Program names of Chromium.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// If set to 1, the test fails without a browser.
const REQUIRED: &str = "GUARDIAN_REQUIRE_CHROMIUM";
/// An anchor far down the page.
const TARGET: &str = "schema-Violation";

fn browser() -> Option<&'static str> {
    let there = |program: &&str| {
        Command::new(program).arg("--version").output().is_ok_and(|one| one.status.success())
    };
    PROGRAMS.into_iter().find(there)
}

/// Runs the browser on a page with a temporary profile.
fn run(program: &str, folder: &Path, more: &str, url: &str) -> Vec<u8> {
    let output = Command::new(program)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--virtual-time-budget=20000", "--window-size=800,600", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", folder.display()))
        .args([more, url])
        .current_dir(folder)
        .output()
        .expect("the browser can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_the_document_and_finds_its_parts() {
    let Some(program) = browser() else {
        assert!(std::env::var_os(REQUIRED).is_none_or(|set| set != "1"), "there is no Chromium");
        say("docs_page: NOT CHECKED, there is no Chromium; scripts/test installs it");
        return;
    };
    let url = format!("{}/docs", cluster().await.node(0).url());
    let folder = std::env::temp_dir().join(format!("guardian-docs-page-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let dom = String::from_utf8(run(program, &folder, "--dump-dom", &url)).expect("UTF-8");
    assert!(dom.contains("<h1>Guardian") && dom.contains("id=\"put_config\""), "{dom}");
    assert!(!dom.contains("[object"), "an element is shown as text");
    let linked = format!("{url}#{TARGET}");
    let dom = String::from_utf8(run(program, &folder, "--dump-dom", &linked)).expect("UTF-8");
    assert!(dom.contains(&format!("<details id=\"{TARGET}\" open")), "a deep link opens its part");
    let picture = |url: &str, name: &str| {
        run(program, &folder, &format!("--screenshot={name}"), url);
        std::fs::read(folder.join(name)).expect("a picture")
    };
    let (top, part) = (picture(&url, "top.png"), picture(&linked, "part.png"));
    assert!(top != part, "a deep link brings its part into view");
    // Best effort: it is a temporary folder.
    let _ = std::fs::remove_dir_all(&folder);
}
