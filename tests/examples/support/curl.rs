//! The commands printed in an example, run as a reader would.

use std::{fs, net::SocketAddr, path::Path, process::Command};

/// Runs the commands of the `sh` block in the header of a file, against this address instead of the
/// printed one; answers what each wrote. `None` on a machine without curl.
pub(crate) fn run_curl_block(file: &str, address: SocketAddr) -> Option<Vec<String>> {
    if Command::new("curl").arg("--version").output().is_err() {
        return None;
    }
    let script: String = commands(file)
        .into_iter()
        .map(|command| {
            assert!(command.contains("http://localhost:3000/"), "{command}");
            // A line of its own for what each writes.
            command.replace("localhost:3000", &address.to_string()) + "\necho\n"
        })
        .collect();
    let output = Command::new("sh").args(["-ec", &script]).output().unwrap();
    assert!(output.status.success(), "{script}\n{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(str::to_owned).collect())
}

fn commands(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(file);
    let source = fs::read_to_string(path).unwrap();
    let mut header = source.lines().map_while(|line| line.strip_prefix("//!"));
    let _before = header
        .by_ref()
        .find(|line| *line == " ```sh")
        .expect("an sh block");
    let block = header.take_while(|line| *line != " ```");
    block.map(|line| line.trim().to_owned()).collect()
}
