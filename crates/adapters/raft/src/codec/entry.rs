//! Log entries, as appended to the log on disk and sent to followers.

use openraft::EntryPayload;

use super::{DecodeError, proto, required};
use crate::type_config::{Entry, Payload};

impl From<Entry> for proto::Entry {
    fn from(entry: Entry) -> Self {
        let payload = match entry.payload {
            EntryPayload::Blank => proto::entry::Payload::Blank(proto::Blank {}),
            EntryPayload::Membership(m) => proto::entry::Payload::Membership((&m).into()),
            EntryPayload::Normal(command) => proto::entry::Payload::Command(command.0),
        };
        Self { log_id: Some((&entry.log_id).into()), payload: Some(payload) }
    }
}

// Not `TryFrom`: openraft's generic entry collides with the blanket implementation of `core`.
impl proto::Entry {
    /// Converts to openraft's entry.
    pub fn into_entry(self) -> Result<Entry, DecodeError> {
        let log_id = required(self.log_id, "Entry.log_id")?.into();
        let payload = match required(self.payload, "Entry.payload")? {
            proto::entry::Payload::Blank(proto::Blank {}) => EntryPayload::Blank,
            proto::entry::Payload::Membership(m) => EntryPayload::Membership(m.try_into()?),
            proto::entry::Payload::Command(bytes) => EntryPayload::Normal(Payload(bytes)),
        };
        Ok(Entry { log_id, payload })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use openraft::vote::RaftLeaderId as _;
    use prost::Message as _;

    use super::*;
    use crate::type_config::{LeaderId, LogId};

    fn check(payload: EntryPayload<Payload, u64, crate::type_config::PeerInfo>) {
        let entry = Entry { log_id: LogId::new(LeaderId::new(3, 2), 17), payload };
        let bytes = proto::Entry::from(entry.clone()).encode_to_vec();
        let back = proto::Entry::decode(bytes.as_slice()).expect("our own encoding");
        assert_eq!(back.into_entry().expect("our own entry"), entry);
    }

    #[test]
    fn a_blank_entry_survives() {
        check(EntryPayload::Blank);
    }

    #[test]
    fn an_empty_command_is_not_a_blank() {
        check(EntryPayload::Normal(Payload(Bytes::new())));
    }

    #[test]
    fn an_entry_without_payload_is_refused() {
        let entry = proto::Entry { log_id: Some(proto::LogId::default()), payload: None };
        assert!(matches!(entry.into_entry(), Err(DecodeError::Missing("Entry.payload"))));
    }
}
