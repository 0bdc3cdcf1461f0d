//! Compiles `proto/peer.proto` with protox, so that no `protoc` is needed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(["proto/peer.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .bytes(".guardian.peer.v1")
        .btree_map(".guardian.peer.v1")
        .build_transport(false)
        .compile_fds(descriptors)?;
    Ok(())
}
