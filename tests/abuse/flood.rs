//! Building blocks of attacks: concurrent requests, and misbehaving raw connections.

use crate::tally::Tally;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Becomes true at the end of the attack.
pub type Stop = watch::Receiver<bool>;

/// Maximum wait of the attacker for a response.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Pause before the attacker reopens a closed connection.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
const CONNECTED_WITHIN: Duration = Duration::from_secs(2);

/// The start of an HTTP/2 connection: preface, empty settings, acknowledgement of the server's settings.
pub const H2_PREFACE: &[u8] =
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00";

/// A loopback address; all of them are in one /24 network.
pub fn source(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, last.max(2)))
}

/// A client with this source address, different from the neighbour's.
pub fn client(last: u8) -> reqwest::Client {
    let built =
        reqwest::Client::builder().no_proxy().local_address(source(last)).timeout(ANSWER_WITHIN).build();
    built.expect("a client can be made")
}

/// Whether the attack is over.
pub fn over(stop: &Stop) -> bool {
    *stop.borrow()
}

/// Waits for the end of the attack.
pub async fn until_over(stop: &Stop) {
    let mut stop = stop.clone();
    while !over(&stop) {
        // The sender is dropped: the attack is over too.
        if stop.changed().await.is_err() {
            return;
        }
    }
}

/// Runs `workers` workers that send requests in sequence until the end of the attack.
pub async fn flood<F>(workers: u64, tally: &Arc<Tally>, stop: &Stop, make: F)
where
    F: Fn(u64, u64) -> reqwest::RequestBuilder + Clone + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for worker in 0..workers {
        let (tally, stop, make) = (tally.clone(), stop.clone(), make.clone());
        tasks.spawn(async move {
            let mut turn = 0;
            while !over(&stop) {
                let answered = tokio::select! {
                    answered = answered(make(worker, turn)) => answered,
                    () = until_over(&stop) => return,
                };
                tally.count(answered);
                turn += 1;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

/// Sends a request; returns status and code of the response.
pub async fn answered(request: reqwest::RequestBuilder) -> String {
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if error.is_timeout() => return "no answer".to_owned(),
        Err(error) if error.is_connect() => return "no connection".to_owned(),
        Err(_) => return "broken off".to_owned(),
    };
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap_or_default();
    let code = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
    match code["code"].as_str().filter(|_| status >= 400) {
        Some(code) => format!("{status} {code}"),
        None => status.to_string(),
    }
}

/// Connects from a loopback address; with a small receive buffer if the data will not be read.
pub async fn connect(from: u8, to: &str, receives: Option<u32>) -> std::io::Result<TcpStream> {
    let to: SocketAddr = to.parse().map_err(std::io::Error::other)?;
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receives {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(SocketAddr::new(source(from), 0))?;
    let connecting = tokio::time::timeout(CONNECTED_WITHIN, socket.connect(to));
    connecting.await.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
}

/// Holds `count` connections open; closed ones are replaced. Each sends `opening` first.
/// With `drip`, these bytes follow every half a second.
#[derive(Clone, Copy, Debug)]
pub struct Holding<'a> {
    pub count: usize,
    pub from: u8,
    /// The number of source addresses.
    pub sources: u8,
    pub to: &'a str,
    pub opening: &'a [u8],
    pub drip: Option<&'a [u8]>,
}

impl Holding<'_> {
    pub async fn hold(self, tally: &Arc<Tally>, stop: &Stop) {
        let mut tasks = JoinSet::new();
        for number in 0..self.count {
            let last =
                self.from + u8::try_from(number % usize::from(self.sources.max(1))).unwrap_or_default();
            let (to, opening) = (self.to.to_owned(), self.opening.to_vec());
            let drip = self.drip.map(<[u8]>::to_vec);
            let (tally, stop) = (tally.clone(), stop.clone());
            tasks.spawn(async move {
                while !over(&stop) {
                    let held = one(last, &to, &opening, drip.as_deref());
                    let what = tokio::select! {
                        what = held => what,
                        () = until_over(&stop) => "held to the end",
                    };
                    tally.count(what);
                    tokio::select! {
                        () = tokio::time::sleep(RETRY_PAUSE) => {}
                        () = until_over(&stop) => {}
                    }
                }
            });
            if number % 64 == 63 {
                tokio::task::yield_now().await;
            }
        }
        while tasks.join_next().await.is_some() {}
    }
}

async fn one(last: u8, to: &str, opening: &[u8], drip: Option<&[u8]>) -> &'static str {
    let Ok(mut stream) = connect(last, to, None).await else { return "no connection" };
    if stream.write_all(opening).await.is_err() {
        return "closed";
    }
    let mut bytes = [0; 1024];
    loop {
        match drip {
            None => match stream.read(&mut bytes).await {
                Ok(1..) => {}
                _ => return "closed",
            },
            Some(drip) => {
                tokio::time::sleep(Duration::from_millis(500)).await;
                if stream.write_all(drip).await.is_err() {
                    return "closed";
                }
                match tokio::time::timeout(Duration::from_millis(1), stream.read(&mut bytes)).await {
                    Ok(Ok(0) | Err(_)) => return "closed",
                    Ok(Ok(_)) | Err(_) => {}
                }
            }
        }
    }
}
