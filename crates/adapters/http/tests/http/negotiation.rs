//! Content negotiation, caching headers, and checks of host and origin.

use crate::support::{CONFIGS, PROJECT, Server};

#[tokio::test]
async fn an_answer_that_the_client_would_not_take_is_not_made() {
    let server = Server::new().await;
    let refused = server.send("GET", CONFIGS, &[("accept", "text/html")], "").await;
    let problem = refused.is_problem(406, "not_acceptable");
    assert_eq!(
        (&problem["header"], &problem["available"][0]),
        (&"Accept".into(), &"application/json".into())
    );
    let headers = [("accept", "image/png"), ("if-none-match", "*")];
    let path = format!("{CONFIGS}/a");
    server.send("PUT", &path, &headers, r#"{"content":{}}"#).await.is_problem(406, "not_acceptable");
    server.get(&path).await.is_problem(404, "config_not_found");
    for good in ["*/*", "application/*;q=0.2, text/html", "application/json; charset=utf-8"] {
        server.send("GET", CONFIGS, &[("accept", good)], "").await.is(200);
    }
    server.send("GET", "/livez", &[("accept", "text/html")], "").await.is(200);
}

#[tokio::test]
async fn private_answers_say_so() {
    let server = Server::new().await;
    let headers = [("if-none-match", "*")];
    server.send("PUT", &format!("{CONFIGS}/a"), &headers, r#"{"content":{}}"#).await.is(201);
    for path in [PROJECT.to_owned(), CONFIGS.to_owned(), format!("{CONFIGS}/a"), format!("{CONFIGS}/b")] {
        let answer = server.get(&path).await;
        let cache = answer.header("cache-control");
        assert!(cache.starts_with("private, no-"), "{path}: {cache}");
        let mut vary = answer.headers.get_all("vary").iter();
        assert!(vary.any(|value| value == "authorization, x-api-key, cookie"), "{path}");
    }
    assert_eq!(server.get("/openapi.yaml").await.is(200).header("cache-control"), "no-cache");
}

#[tokio::test]
async fn a_byte_order_mark_is_named() {
    let server = Server::new().await;
    let headers = [("if-none-match", "*")];
    for (mark, name) in [("\u{feff}".as_bytes(), "UTF-8"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")] {
        let body = [mark, br#"{"content":{}}"#].concat();
        let key = ("x-api-key", server.test.admin_secret.as_str());
        let headers = [headers[0], ("content-type", "application/json"), key];
        let refused = server.raw("PUT", &format!("{CONFIGS}/a"), &headers, body.into()).await;
        let problem = refused.is_problem(400, "invalid_json");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains("byte order mark") && detail.contains(name), "{detail}");
    }
}

#[tokio::test]
async fn there_is_one_host() {
    let server = Server::new().await;
    let two = [("host", "a.example"), ("host", "b.example")];
    server.send("GET", PROJECT, &two, "").await.is_problem(400, "invalid_host");
    server.send("GET", PROJECT, &[("host", "a.example")], "").await.is(200);
}

#[tokio::test]
async fn unknown_actions_are_not_looked_for() {
    let server = Server::of_people().await;
    let refused = server.get("/api/v1/audit?action=auth.logon").await;
    assert_eq!(refused.is_problem(400, "invalid_parameter")["parameter"], "action");
    for known in ["auth.login", "auth.*", "config.put"] {
        server.get(&format!("/api/v1/audit?action={known}")).await.is(200);
    }
}
