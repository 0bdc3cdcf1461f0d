//! One thread that lives as long as the test program and starts every process.
//!
//! The nodes end with their parent, and to the kernel the parent is the thread that started them: a
//! test's own thread ends with the test, while others still use the cluster.

use std::io;
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

struct Birth {
    command: Command,
    born: Sender<io::Result<Child>>,
}

static NURSERY: LazyLock<Sender<Birth>> = LazyLock::new(|| {
    let (asking, asked) = channel::<Birth>();
    let nursery = move || {
        for Birth { mut command, born } in asked {
            // Nobody waits any more when the test is over.
            let _ = born.send(command.spawn());
        }
    };
    std::thread::Builder::new().name("nursery".to_owned()).spawn(nursery).expect("a thread can be started");
    asking
});

/// Starts the command from the thread that never ends.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (born, birth) = channel();
    NURSERY.send(Birth { command, born }).expect("the nursery never ends");
    birth.recv().expect("the nursery answers")
}
