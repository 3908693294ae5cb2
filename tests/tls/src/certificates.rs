//! Authorities of the tests' own, and what they sign for `localhost`.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// A folder with an authority (`ca.pem`) and the certificate and key of a server (`server.pem`, `server.key`).
pub(crate) struct Authority(PathBuf);

impl Authority {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("adjourn-tls-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let made = Command::new("sh")
            .args(["-e", "-c", MAKE])
            .current_dir(&folder)
            .output();
        let made = made.expect("sh");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "openssl must be installed: {said}");
        Self(folder)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap()
    }

    /// A server only takes a key that is its own user's.
    pub(crate) fn give_key_to_owner_of(&self, folder: &Path) {
        let owner = fs::metadata(folder).unwrap();
        let key = self.0.join("server.key");
        chown(key, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

const MAKE: &str = r#"
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=authority of a test' \
  -keyout ca.key -out ca.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
  -keyout server.key -out server.csr
printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' > names
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem
chmod 755 .
chmod 644 ca.pem server.pem
"#;
