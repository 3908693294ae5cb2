//! An example as a process: found or built, started on a free port, killed when dropped.

use super::{Browser, eventually};
use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, OnceLock, mpsc},
    thread,
    time::{Duration, SystemTime},
};

/// A running example.
pub(crate) struct Example {
    child: Child,
    pub(crate) address: SocketAddr,
    stderr: Arc<Mutex<String>>,
}

impl Example {
    /// The demo with these flags.
    pub(crate) fn demo(flags: &[&str]) -> Self {
        let mut command = command("demo");
        command.args(["--listen", "127.0.0.1:0"]).args(flags);
        Self::start(command)
    }

    /// One of the single files, which take their port from the environment.
    pub(crate) fn single(name: &str) -> Self {
        Self::single_with(name, &[])
    }

    pub(crate) fn single_with(name: &str, flags: &[&str]) -> Self {
        let mut command = command(name);
        command.env("PORT", "0").args(flags);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let mut child = command
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = Arc::default();
        collect(child.stderr.take().unwrap(), Arc::clone(&stderr));
        let lines = lines(child.stdout.take().unwrap());
        let line = lines.recv_timeout(super::PATIENCE);
        let mut example = Self {
            child,
            address: ([0, 0, 0, 0], 0).into(),
            stderr,
        };
        let line = line.unwrap_or_else(|_| panic!("it did not start: {}", example.said()));
        let address = line.strip_prefix("listening on http://");
        example.address = address.unwrap_or(&line).parse().unwrap();
        example
    }

    /// Somebody who has never been here.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// Somebody who has logged in to the demo.
    pub(crate) fn logged_in(&self, username: &str, password: &str) -> Browser {
        let mut browser = self.browser();
        let response = browser.log_in(username, password, &[]);
        assert_eq!(response.status, 303, "{response:?}");
        browser
    }

    /// The first line with this text on its standard error.
    pub(crate) fn says(&self, text: &str) -> String {
        eventually(text, || {
            let said = self.said();
            let line = said.lines().find(|line| line.contains(text));
            line.map(str::to_owned)
        })
    }

    /// What it has written to standard error so far.
    pub(crate) fn said(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Asks it to stop, and waits for its exit status.
    #[cfg(unix)]
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
        eventually("the end of the process", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the demo until it ends by itself: exit status, standard output, standard error.
pub(crate) fn exit_of(flags: &[&str]) -> (Option<i32>, String, String) {
    let mut demo = command("demo");
    demo.args(flags);
    exit_of_command(demo)
}

/// Runs a single file that ends by itself.
pub(crate) fn run_to_end(name: &str) -> (Option<i32>, String, String) {
    exit_of_command(command(name))
}

fn exit_of_command(mut command: Command) -> (Option<i32>, String, String) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut waited = super::PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if waited.is_zero() {
            child.kill().unwrap();
        }
        thread::sleep(STEP);
        waited = waited.saturating_sub(STEP);
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn command(name: &str) -> Command {
    static EXAMPLES: OnceLock<PathBuf> = OnceLock::new();
    let folder = EXAMPLES.get_or_init(built_examples);
    Command::new(folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

/// The folder of the examples. `cargo test` builds them, but `cargo test --test examples` does not,
/// and would go on with those of last week: what is older than the sources is built here.
fn built_examples() -> PathBuf {
    // .../target/debug/deps/examples-0123456789abcdef
    let this = env::current_exe().unwrap();
    let profile = this.parent().unwrap().parent().unwrap();
    let folder = profile.join("examples");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = newest(&root.join("src")).max(newest(&root.join("examples")));
    let is_fresh = |name: &str| {
        let file = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
        let built = fs::metadata(file).and_then(|found| found.modified());
        built.is_ok_and(|built| built >= sources)
    };
    let names = ["audit_jsonl", "bearer", "demo", "hyper", "hyper_websocket"];
    let of_ws = cfg!(feature = "ws").then_some("websocket_cut");
    let of_stores = cfg!(feature = "redis").then_some("nodes");
    if !names
        .into_iter()
        .chain(of_ws)
        .chain(of_stores)
        .all(is_fresh)
    {
        build_examples(root, profile);
    }
    folder
}

fn build_examples(root: &Path, profile: &Path) {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["build", "--examples"]);
    cargo.arg("--target-dir").arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    if cfg!(feature = "test-util") {
        cargo.arg("--all-features");
    }
    assert!(
        cargo.status().unwrap().success(),
        "the examples were not built"
    );
}

fn newest(path: &Path) -> SystemTime {
    if path.is_file() {
        return path.metadata().unwrap().modified().unwrap();
    }
    let inside = fs::read_dir(path).unwrap();
    let times = inside.map(|entry| newest(&entry.unwrap().path()));
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The lines of a pipe, which is read to its end so that nobody waits for a reader.
fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

fn collect(pipe: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    let lines = lines(pipe);
    thread::spawn(move || {
        for line in lines {
            into.lock().unwrap().push_str(&(line + "\n"));
        }
    });
}

const STEP: Duration = Duration::from_millis(20);
