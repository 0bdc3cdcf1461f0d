//! Tests of names, units, and the bound on the number of series.

use super::*;
use crate::{ROUTES_MAX, RaftState, UNMATCHED_ROUTE};

fn metrics() -> Metrics {
    Metrics::new("0.1.0").expect("the metrics are consistent")
}

fn text(metrics: &Metrics) -> String {
    metrics.text().expect("the metrics can be rendered")
}

/// The value of a series; `None` if it is absent.
fn value(metrics: &Metrics, series: &str) -> Option<String> {
    let text = text(metrics);
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{series} ")));
    line.map(str::to_owned)
}

#[track_caller]
fn check(metrics: &Metrics, series: &str, expected: &str) {
    assert_eq!(value(metrics, series).as_deref(), Some(expected), "{series}");
}

/// Uses every metric once.
fn busy() -> Metrics {
    let metrics = metrics();
    metrics.http_started();
    metrics.http_started();
    metrics.http_finished("PUT", "/v1/projects/{project}", 201, 0.002);
    metrics.config_operation("put", "ok");
    metrics.version_conflict();
    metrics.validation_error();
    metrics.raft(RaftGauges {
        state: RaftState::Leader,
        term: 3,
        proposals_in_flight: 1,
        applied_index: 41,
        committed_index: Some(42),
    });
    metrics.apply(0.0001, 5);
    metrics.log_flush(0.004);
    metrics.snapshot();
    metrics.leader_changed();
    metrics.state(17, 9);
    metrics.people(PeopleGauges {
        available: true,
        connections_busy: 2,
        connections_idle: 3,
        hashes_running: 1,
        hashes_waiting: 4,
        audit_lag: 5,
    });
    metrics
}

#[test]
fn what_was_counted_is_shown() {
    let metrics = busy();
    let labels = "{method=\"PUT\",route=\"/v1/projects/{project}\",status=\"201\"}";
    check(&metrics, &format!("guardian_http_requests_total{labels}"), "1");
    check(&metrics, "guardian_http_requests_in_flight", "1");
    check(&metrics, "guardian_config_operations_total{operation=\"put\",status=\"ok\"}", "1");
    check(&metrics, "guardian_config_version_conflicts_total", "1");
    check(&metrics, "guardian_config_validation_errors_total", "1");
    check(&metrics, "guardian_raft_state", "2");
    check(&metrics, "guardian_raft_term", "3");
    check(&metrics, "guardian_raft_leader_changes_total", "1");
    check(&metrics, "guardian_raft_applied_index", "41");
    check(&metrics, "guardian_raft_committed_index", "42");
    check(&metrics, "guardian_raft_commits_total", "5");
    check(&metrics, "guardian_raft_snapshots_total", "1");
    check(&metrics, "guardian_raft_apply_duration_seconds_count", "1");
    check(&metrics, "guardian_raft_log_flush_duration_seconds_count", "1");
    check(&metrics, "guardian_raft_proposals_in_flight", "1");
    check(&metrics, "guardian_state_revision", "17");
    check(&metrics, "guardian_state_configs", "9");
    check(&metrics, "guardian_build_info{version=\"0.1.0\"}", "1");
    check(&metrics, "guardian_identity_available", "1");
    check(&metrics, "guardian_identity_connections{state=\"busy\"}", "2");
    check(&metrics, "guardian_password_hashes{state=\"waiting\"}", "4");
    check(&metrics, "guardian_audit_lag_revisions", "5");
}

#[test]
fn names_follow_the_convention() {
    let text = text(&busy());
    let mut names = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a name and a type");
        names += 1;
        let snake =
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        assert!(snake && (name.starts_with("guardian_") || name.starts_with("process_")), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        if kind == "histogram" {
            assert!(name.ends_with("_seconds"), "{name} names its unit");
        }
        for other in ["_ms", "_milliseconds", "_micros", "_kb", "_minutes"] {
            assert!(!name.ends_with(other), "{name} is in a base unit");
        }
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has a help text");
    }
    assert!(names >= 18, "all {names} metrics are shown");
    assert!(text.contains("# TYPE process_resident_memory_bytes gauge"));
}

#[test]
fn clients_cannot_add_series() {
    let metrics = busy();
    metrics.http_finished("GET", UNMATCHED_ROUTE, 404, 0.0);
    metrics.http_finished("OTHER", UNMATCHED_ROUTE, 999, 0.0);
    let before = text(&metrics).lines().count();
    for number in 0..10_000 {
        metrics.http_finished("GET", &format!("nowhere/{number}"), 404, 0.0);
        metrics.http_finished(&format!("M{number}"), UNMATCHED_ROUTE, 999, 0.0);
    }
    assert_eq!(text(&metrics).lines().count(), before);
}

#[test]
fn even_a_caller_that_forgets_the_template_is_bounded() {
    let metrics = metrics();
    for number in 0..10_000 {
        metrics.http_finished("GET", &format!("/v1/{number}"), 200, 0.0);
    }
    let series = text(&metrics);
    let series = series.lines().filter(|line| line.starts_with("guardian_http_requests_total{"));
    assert_eq!(series.count(), ROUTES_MAX + 1);
}

#[test]
fn two_nodes_in_one_process_do_not_meet() {
    let (first, second) = (busy(), metrics());
    check(&first, "guardian_raft_term", "3");
    check(&second, "guardian_raft_term", "0");
}
