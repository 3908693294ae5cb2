//! A browser, or what it needs, as a process: found, started with an empty profile, gone when dropped.

use crate::support::eventually;
use std::{
    env, fs,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

/// A running browser with all its processes, and its profile.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    profile: PathBuf,
}

impl Process {
    /// The file in the profile that has what it writes to its standard output.
    pub(crate) const OUTPUT: &str = "stdout.txt";

    /// The first of these programs that is installed.
    pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
        let folders: Vec<_> = env::split_paths(&env::var_os("PATH")?).collect();
        let mut found = names
            .iter()
            .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        found.find(|file| file.is_file())
    }

    /// A new, empty profile, below the build's own folder: a browser in a sandbox of its
    /// distribution may not see the system's folder for temporary files.
    pub(crate) fn profile() -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("browser-{}-{count}", std::process::id());
        let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&profile);
        fs::create_dir_all(&profile).unwrap();
        profile
    }

    pub(crate) fn start(command: &mut Command, profile: PathBuf) -> Self {
        let [output, errors] =
            [Self::OUTPUT, ERRORS].map(|name| fs::File::create(profile.join(name)).unwrap());
        let child = command
            // Temporary files and whatever is kept for a user go with the profile.
            .env("HOME", &profile)
            .env("TMPDIR", &profile)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .unwrap();
        let process = Self { child, profile };
        process.ends_with_this_one();
        process
    }

    /// However this process ends, and although nothing that is `static` is ever dropped.
    fn ends_with_this_one(&self) {
        static UNDERTAKER: LazyLock<Mutex<ChildStdin>> = LazyLock::new(undertaker);
        let mut undertaker = UNDERTAKER.lock().unwrap();
        let (group, profile) = (self.child.id(), self.profile.display());
        writeln!(undertaker, "{group} {profile}").unwrap();
    }

    /// What it writes into a file of its profile once it is ready.
    pub(crate) fn announces<T>(&mut self, file: &str, read: impl Fn(&str) -> Option<T>) -> T {
        let file = self.profile.join(file);
        let errors = self.profile.join(ERRORS);
        eventually("a process that is ready", || {
            if let Some(status) = self.child.try_wait().unwrap() {
                let said = fs::read_to_string(&errors).unwrap_or_default();
                panic!("it did not start ({status}): {said}");
            }
            read(&fs::read_to_string(&file).ok()?)
        })
    }

    /// Every process of it falls asleep, as when a laptop is closed.
    pub(super) fn sleep(&self) {
        assert!(self.signal("STOP"));
    }

    /// And wakes.
    pub(super) fn wake(&self) {
        assert!(self.signal("CONT"));
    }

    fn signal(&self, name: &str) -> bool {
        let group = format!("-{}", self.child.id());
        let sent = Command::new("kill")
            .args(["-s", name, "--", &group])
            .stderr(Stdio::null())
            .status();
        sent.unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal("KILL");
        let _ = self.child.wait();
        // Its other processes may still be writing.
        for _ in 0..50 {
            if fs::remove_dir_all(&self.profile).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// Reads on until there is nobody who could write; then what still has a profile is killed.
fn undertaker() -> Mutex<ChildStdin> {
    let mut shell = Command::new("sh");
    shell.args(["-c", UNDERTAKER]).process_group(0);
    shell.stdin(Stdio::piped());
    shell.stdout(Stdio::null()).stderr(Stdio::null());
    Mutex::new(shell.spawn().unwrap().stdin.take().unwrap())
}

const UNDERTAKER: &str = r#"
while read -r group profile; do set -- "$@" "$group" "$profile"; done
while [ $# -gt 0 ]; do
  if [ -d "$2" ]; then
    kill -s KILL -- "-$1"
    rm -rf "$2" || { sleep 1; rm -rf "$2"; }
  fi
  shift 2
done
"#;

const ERRORS: &str = "stderr.txt";
