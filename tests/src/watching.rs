//! An open stream of events, read as it comes.

use crate::client::{Transport, transport};
use crate::contract::contract;
use reqwest::Response;
use serde_json::Value;
use std::time::Duration;

/// A watcher hears something within this time, if only a heartbeat.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// What ends an event.
const END: &[u8] = b"\n\n";

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// `put`, `delete`, `bookmark` or `reset`.
    pub event: String,
    /// The revision after which a watch may be resumed; not on every event.
    pub id: Option<u64>,
    /// The text of the data.
    pub text: String,
}

impl Heard {
    /// The data, as JSON.
    pub fn data(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

/// A stream of events. While nobody asks for the next one, nothing is read.
#[derive(Debug)]
pub struct Watching {
    response: Response,
    bytes: Vec<u8>,
}

impl Watching {
    pub(crate) fn new(response: Response) -> Self {
        Self { response, bytes: Vec::new() }
    }

    /// The next event; `None` at a clean end, an error when the connection breaks.
    pub async fn try_next(&mut self) -> Result<Option<Heard>, Transport> {
        let mut looked_at = 0;
        loop {
            let from = usize::saturating_sub(looked_at, END.len());
            if let Some(at) = self.bytes[from..].windows(END.len()).position(|two| two == END) {
                let rest = self.bytes.split_off(from + at + END.len());
                let event = std::mem::replace(&mut self.bytes, rest);
                return Ok(Some(heard(std::str::from_utf8(&event).expect("events are UTF-8"))));
            }
            looked_at = self.bytes.len();
            let chunk = tokio::time::timeout(SILENCE_MAX, self.response.chunk()).await;
            match chunk.expect("a watcher hears something").map_err(|error| transport(&error))? {
                Some(chunk) => self.bytes.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// The next event, held to the contract; panics when there is none.
    pub async fn next(&mut self) -> Heard {
        let next = self.try_next().await.unwrap_or_else(|error| panic!("{}", error.message));
        let heard = next.expect("the stream goes on");
        contract().check_event(&heard.event, &heard.data());
        heard
    }

    /// The next event that is no bookmark.
    pub async fn change(&mut self) -> Heard {
        loop {
            let heard = self.next().await;
            if heard.event != "bookmark" {
                return heard;
            }
        }
    }

    /// Waits for the clean end; panics when a change comes before it.
    pub async fn ended(&mut self) {
        while let Some(heard) = self.try_next().await.unwrap_or_else(|error| panic!("{}", error.message)) {
            assert_eq!(heard.event, "bookmark", "nothing but heartbeats before the end: {}", heard.text);
        }
    }
}

fn heard(text: &str) -> Heard {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(str::to_owned)
    };
    let id = field("id").map(|id| id.parse().expect("an id is a revision"));
    let (event, text) = (field("event").expect("an event has a name"), field("data").expect("it has data"));
    Heard { event, id, text }
}
