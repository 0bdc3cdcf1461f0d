//! Failing sign-ins and refreshes from the neighbour's network.

use crate::field::{Field, ROOT};
use crate::flood::{Stop, client, flood};
use crate::tally::Tally;
use serde_json::json;
use std::sync::Arc;

const WORKERS: u64 = 4;
/// Number of source addresses.
const SOURCES: u8 = 40;

/// Unknown users, and occasionally the administrator with a wrong password.
pub async fn wrong(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let clients: Vec<reqwest::Client> = (2..2 + SOURCES).map(client).collect();
    let nodes = field.http.clone();
    flood(WORKERS, &tally, &stop, move |worker, turn| {
        let number = usize::try_from(turn * WORKERS + worker).unwrap_or_default();
        let email = if turn % 10 == 9 { ROOT.to_owned() } else { format!("u{worker}-{turn}@example.org") };
        let body = json!({ "email": email, "password": "not the right one at all", "device": "x" });
        let node = &nodes[number % nodes.len()];
        clients[number % clients.len()].post(format!("http://{node}/api/v1/auth/login")).json(&body)
    })
    .await;
    Vec::new()
}

/// Invented refresh tokens.
pub async fn made_up(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let clients: Vec<reqwest::Client> = (2..2 + SOURCES).map(client).collect();
    let nodes = field.http.clone();
    flood(WORKERS, &tally, &stop, move |worker, turn| {
        let number = usize::try_from(turn * WORKERS + worker).unwrap_or_default();
        let token = format!("gdr_{:043}", turn * WORKERS + worker);
        let node = &nodes[number % nodes.len()];
        let post = clients[number % clients.len()].post(format!("http://{node}/api/v1/auth/refresh"));
        post.json(&json!({ "refresh_token": token }))
    })
    .await;
    Vec::new()
}
