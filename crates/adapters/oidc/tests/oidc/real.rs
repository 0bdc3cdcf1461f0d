//! A real provider: the npm package `oidc-provider`, installed below `target/` if `node` and `npm` exist.
//!
//! Without them the test prints a message and passes; with `GUARDIAN_REQUIRE_OIDC_PROVIDER=1` it fails.

use crate::{providers, refusal, settings};
use application::ports::identity::IdentityProviders as _;
use domain::Timestamp;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};
use url::Url;

/// The tested version.
const PACKAGE: &str = "oidc-provider@9.13.3";

struct Running {
    process: Child,
    /// Kept open: the process ends when its output is closed.
    _output: BufReader<ChildStdout>,
    issuer: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The folder with the package; `None` if it cannot be installed.
fn installed() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc-provider");
    let there = target.join("node_modules/oidc-provider/package.json");
    let works = |program| Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    if !works("node") || (!there.exists() && !works("npm")) {
        return None;
    }
    if !there.exists() {
        std::fs::create_dir_all(&target).expect("a folder");
        std::fs::write(target.join("package.json"), r#"{"private":true}"#).expect("a file");
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", PACKAGE]);
        let output = npm.current_dir(&target).output().expect("npm runs");
        if !output.status.success() {
            say(&format!("npm could not install {PACKAGE}: {}", String::from_utf8_lossy(&output.stderr)));
            return None;
        }
    }
    Some(target)
}

fn start(folder: &Path, redirect: &str) -> Running {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc/provider.mjs");
    let mut node = Command::new("node");
    node.arg(script).arg(folder).arg(redirect).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = node.spawn().expect("node runs");
    let mut output = BufReader::new(process.stdout.take().expect("piped"));
    let mut issuer = String::new();
    while !issuer.starts_with("http://") {
        issuer.clear();
        assert!(output.read_line(&mut issuer).expect("text") > 0, "it says where it listens");
    }
    Running { process, _output: output, issuer: issuer.trim().to_owned() }
}

/// Simulates the browser: follows redirects with cookies until they lead to the redirect URI.
async fn browse(url: &str, back: &str) -> BTreeMap<String, String> {
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .build()
        .expect("a client");
    // By name and path: the provider sets several cookies with one name.
    let mut cookies: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut url = Url::parse(url).expect("an address");
    for _ in 0..10 {
        if url.as_str().starts_with(back) {
            return url.query_pairs().into_owned().collect();
        }
        let here = cookies.iter().filter(|((_, path), _)| url.path().starts_with(path.as_str()));
        let cookie: Vec<String> = here.map(|((name, _), value)| format!("{name}={value}")).collect();
        let answer =
            browser.get(url.clone()).header("cookie", cookie.join("; ")).send().await.expect("answers");
        for cookie in answer.headers().get_all("set-cookie") {
            let mut parts = cookie.to_str().expect("ASCII").split("; ").map(|part| part.split_once('='));
            let (name, value) = parts.next().flatten().expect("a cookie");
            let path = parts.flatten().find(|(name, _)| *name == "path").map_or("/", |(_, path)| path);
            let key = (name.to_owned(), path.to_owned());
            if value.is_empty() {
                cookies.remove(&key);
            } else {
                cookies.insert(key, value.to_owned());
            }
        }
        let status = answer.status();
        let location =
            answer.headers().get("location").map(|value| value.to_str().expect("ASCII").to_owned());
        let Some(location) = location else { panic!("{status} at {url}") };
        url = url.join(&location).expect("an address");
    }
    panic!("led in circles to {url}");
}

#[expect(clippy::disallowed_methods, reason = "the real provider signs with the real time")]
fn now() -> Timestamp {
    let elapsed = std::time::SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp(i64::try_from(elapsed.as_millis()).expect("before the year 292 million"))
}

#[expect(clippy::print_stderr, reason = "who runs the tests should know what was left out")]
fn say(text: &str) {
    eprintln!("{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_provider_vouches_for_somebody() {
    let Some(folder) = installed() else {
        assert!(std::env::var_os("GUARDIAN_REQUIRE_OIDC_PROVIDER").is_none(), "node and npm are needed");
        say("no node, no npm or no network: the test with a real provider was left out");
        return;
    };
    let redirect = "https://guardian.test/v1/auth/providers/real/callback";
    let running = start(&folder, redirect);
    let providers = providers(vec![settings("real", &running.issuer)]);
    let (url, pending) = providers.begin("real", "the-state", now()).await.expect("an address");
    let back = browse(&url, redirect).await;
    assert_eq!(back["state"], "the-state");
    assert_eq!(back["iss"], running.issuer);
    let person = providers.finish(&pending, &back["code"], now()).await.expect("vouched for");
    assert_eq!(
        (person.identity.issuer.as_str(), person.identity.subject.as_str()),
        (&*running.issuer, "ann")
    );
    assert_eq!(person.email.expect("verified").as_str(), "ann@example.org");
    assert_eq!((person.name.as_deref(), person.groups), (Some("Ann Lee"), vec!["dev".to_owned()]));
    // A code cannot be used twice.
    assert_eq!(refusal(providers.finish(&pending, &back["code"], now()).await), "the code");
    // The code of another sign-in.
    let (url, _) = providers.begin("real", "s", now()).await.expect("an address");
    let other = browse(&url, redirect).await;
    assert_eq!(refusal(providers.finish(&pending, &other["code"], now()).await), "the code");
}
