//! A thread that runs until the program ends and starts every node.
//!
//! Nodes end with their parent, which for the kernel is the thread that started them.

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
            // Fails if the run was aborted meanwhile.
            let _ = born.send(command.spawn());
        }
    };
    std::thread::Builder::new().name("nursery".to_owned()).spawn(nursery).ok().map(|_| asking)
});

/// Starts the command on that thread.
pub fn spawn(command: Command) -> io::Result<Child> {
    let gone = |_| io::Error::other("the nursery is gone");
    let nursery = NURSERY.as_ref().ok_or_else(|| io::Error::other("there is no nursery"))?;
    let (born, birth) = channel();
    nursery.send(Birth { command, born }).map_err(|_| io::Error::other("the nursery is gone"))?;
    birth.recv().map_err(gone)?
}
