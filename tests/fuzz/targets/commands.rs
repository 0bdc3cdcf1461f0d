//! Commands as they are in logs: bytes that are no command are refused, bytes that are one mean the same once
//! written again, and applying one never panics and changes nothing when it is refused.

use adapter_raft::codec::command::{decode_command, decode_outcome, encode_command, encode_outcome};
use domain::{Actor, Command, Outcome, Precondition, Row, Stamped, State};
use fuzz::Target;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// One command of each kind, as it was first written.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/adapters/raft/fixtures/commands-v1")
}

fn fixture(name: &str) -> Stamped<Command> {
    let path = fixtures().join(format!("{name}.bin"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    decode_command(&bytes).expect("a fixture is a command")
}

/// Commands after which the fixtures mean something.
pub fn settled_commands() -> Vec<Stamped<Command>> {
    let names = ["bootstrap", "create_project", "create_environment", "create_schema", "create_api_key"];
    let by_the_cluster = |name: &str| Stamped { actor: Actor::System, ..fixture(name) };
    let mut put = by_the_cluster("put_unbound");
    if let Command::PutConfig { expected, checked, .. } = &mut put.command {
        (*expected, *checked) = (Precondition::Absent, None);
    }
    names.iter().map(|name| by_the_cluster(name)).chain([put]).collect()
}

fn settled() -> State {
    let mut state = State::default();
    for command in settled_commands() {
        state.apply(&command);
    }
    assert!(state.revision().0 >= 5, "only {} of the commands were accepted", state.revision());
    state
}

fn rows(state: &State) -> Vec<Row> {
    state.rows().collect()
}

/// Applies a command to a state and holds the outcome to what every outcome must be.
fn apply(state: &mut State, command: &Stamped<Command>) {
    let (before, revision) = (rows(state), state.revision());
    let applied = state.apply(command);
    match &applied.outcome {
        Outcome::Accepted { revision: made, .. } if applied.committed.is_none() => {
            assert_eq!((*made, state.revision()), (revision, revision));
            assert_eq!(rows(state), before, "a command that changes nothing changed something: {command:?}");
        }
        Outcome::Accepted { revision: made, .. } => {
            assert_eq!((*made, state.revision()), (revision.next(), revision.next()));
        }
        Outcome::Rejected { revision: at, .. } => {
            assert_eq!((*at, state.revision()), (revision, revision));
            assert_eq!(rows(state), before, "a refused command changed something: {command:?}");
            assert!(applied.committed.is_none());
        }
        Outcome::Replayed { .. } => {
            assert_eq!(rows(state), before, "a repeated command changed something: {command:?}");
            assert!(applied.committed.is_none());
        }
    }
    let bytes = encode_outcome(&applied.outcome).expect("an outcome can be written");
    assert_eq!(decode_outcome(&bytes).expect("our own bytes"), applied.outcome);
}

fn check(bytes: &[u8]) {
    thread_local!(static SETTLED: RefCell<Option<State>> = const { RefCell::new(None) });
    let Ok(command) = decode_command(bytes) else { return };
    let written = encode_command(&command).expect("a command can be written");
    assert_eq!(decode_command(&written).expect("our own bytes"), command);
    let again = encode_command(&decode_command(&written).expect("our own bytes")).expect("it was before");
    assert_eq!(again, written, "writing is not stable");
    let mut state = SETTLED.with_borrow_mut(|settled| settled.get_or_insert_with(self::settled).clone());
    let mut twin = state.clone();
    apply(&mut state, &command);
    apply(&mut twin, &command);
    assert_eq!(rows(&state), rows(&twin), "equal commands give equal states");
    // Once more: what was created is there, what was deleted is gone.
    apply(&mut state, &command);
}

#[test]
fn commands() {
    Target::new("commands").with_folder(&fixtures()).check(check);
}
