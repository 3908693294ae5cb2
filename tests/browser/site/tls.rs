//! Encryption before the front, for a browser that keeps no `Secure` cookie without it. By programs that
//! the tests need anyway, or that every machine has: a crate for it would be a large one for this alone.

use crate::drive::Process;
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// It ends with this.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) port: u16,
    _process: Process,
}

impl Tls {
    pub(crate) fn before(port: u16) -> Self {
        let folder = Process::profile();
        let [key, certificate] = ["key.pem", "certificate.pem"].map(|name| folder.join(name));
        make_certificate(&key, &certificate);
        let mut command = Command::new(Process::find(&["node"]).unwrap());
        command
            .args(["--input-type=commonjs", "--eval", PROXY])
            .args([&key, &certificate])
            .arg(port.to_string());
        let mut process = Process::start(&mut command, folder);
        let port = process.announces(Process::OUTPUT, |said| {
            said.strip_suffix('\n')?.parse().ok()
        });
        Self {
            port,
            _process: process,
        }
    }
}

/// A new one, for a day, that no authority has signed.
fn make_certificate(key: &Path, certificate: &Path) {
    let made = Command::new(Process::find(&["openssl"]).unwrap())
        .args(["req", "-x509", "-nodes", "-days", "1"])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
}

const PROXY: &str = r#"
const { readFileSync } = require("node:fs");
const { connect } = require("node:net");
const { createServer } = require("node:tls");
const [key, cert, port] = process.argv.slice(-3);
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (client) => {
  const front = connect(+port, "127.0.0.1");
  client.pipe(front).pipe(client);
  client.on("error", () => front.destroy());
  front.on("error", () => client.destroy());
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"#;
