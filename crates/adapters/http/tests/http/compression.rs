//! Compression of lists, exports and the API document, never of single configs.

use crate::support::{CONFIGS, PROJECT, Server};

#[tokio::test]
async fn lists_and_files_are_compressed_and_configs_are_not() {
    let server = Server::new().await;
    let text = format!("\"{}\"", "x".repeat(3000));
    server.create("a", &text).await.is(201);
    for (coding, magic) in [("gzip", &b"\x1f\x8b"[..]), ("zstd", &b"\x28\xb5\x2f\xfd"[..])] {
        let headers = [("accept-encoding", coding)];
        for path in
            [format!("{CONFIGS}?include=content"), format!("{PROJECT}/export"), "/openapi.yaml".to_owned()]
        {
            let answer = server.send("GET", &path, &headers, "").await;
            assert_eq!(answer.header("content-encoding"), coding, "{path}");
            assert!(answer.body.starts_with(magic), "{path}");
            assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "accept-encoding"), "{path}");
        }
        for path in [format!("{CONFIGS}/a"), format!("{CONFIGS}/a/content")] {
            let answer = server.send("GET", &path, &headers, "").await;
            assert!(answer.headers.get("content-encoding").is_none(), "{path}");
        }
    }
    let plain = server.get(&format!("{CONFIGS}?include=content")).await.is(200);
    assert!(plain.headers.get("content-encoding").is_none());
    assert!(plain.headers.get_all("vary").iter().any(|vary| vary == "accept-encoding"));
}
