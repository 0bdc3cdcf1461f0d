//! One thread that lives as long as the program and starts every node.
//!
//! The nodes end with their parent, and to the kernel the parent is the thread that started them.

use std::io;
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

struct Birth {
    command: Command,
    born: Sender<io::Result<Child>>,
}

static NURSERY: LazyLock<Option<Sender<Birth>>> = LazyLock::new(|| {
    let (asking, asked) = channel::<Birth>();
    let nursery = move || {
        for Birth { mut command, born } in asked {
            // Nobody waits any more when the run was broken off.
            let _ = born.send(command.spawn());
        }
    };
    std::thread::Builder::new().name("nursery".to_owned()).spawn(nursery).ok().map(|_| asking)
});

/// Starts the command from the thread that never ends.
pub fn spawn(command: Command) -> io::Result<Child> {
    let gone = |_| io::Error::other("the nursery is gone");
    let nursery = NURSERY.as_ref().ok_or_else(|| io::Error::other("there is no nursery"))?;
    let (born, birth) = channel();
    nursery.send(Birth { command, born }).map_err(|_| io::Error::other("the nursery is gone"))?;
    birth.recv().map_err(gone)?
}
