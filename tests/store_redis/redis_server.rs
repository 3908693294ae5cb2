//! Redis servers of the tests' own: started in a temporary folder on free ports, and gone with the tests, however they
//! end.
//!
//! `ADJOURN_TEST_REDIS_SERVER` names another program than `redis-server`: `valkey-server` for one.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::Write,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// A server that runs until it is dropped, or its process is gone.
pub(crate) struct Server {
    folder: PathBuf,
    keeper: Child,
    pub(crate) port: u16,
}

impl Server {
    /// The one that most tests share; `None`, said loudly, where there is none to start.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[])).as_ref()
    }

    /// A server for one test, with these settings.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        if !is_installed() {
            return None;
        }
        // A port that was free may be taken before the server has it: then another.
        (0..20)
            .find_map(|_| Self::try_start(settings))
            .map_or_else(|| panic!("no server starts"), Some)
    }

    fn try_start(settings: &[&str]) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let port = free_port();
        let name = format!("adjourn-redis-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let mut keeper = Command::new("sh");
        keeper
            .args(["-c", KEEPER, "keeper"])
            .arg(program())
            .arg(port.to_string())
            .args(settings)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0);
        let keeper = keeper.spawn().expect("sh");
        let server = Self {
            folder,
            keeper,
            port,
        };
        server.wait_for("started").then_some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops it at once and without a word, as a crash would.
    pub(crate) fn crash(&mut self) {
        self.order("crash", "crashed");
    }

    /// Starts it again on what it has on its disk.
    pub(crate) fn restart(&mut self) {
        self.order("start", "started");
    }

    /// Lets it stand still, as a machine that is overloaded.
    pub(crate) fn pause(&mut self) {
        self.order("pause", "paused");
    }

    pub(crate) fn go_on(&mut self) {
        self.order("go on", "running");
    }

    /// A replica beside it.
    pub(crate) fn replica(&self) -> Self {
        let port = self.port.to_string();
        let replica = Self::start(&["--replicaof", "127.0.0.1", &port]).expect("a replica");
        let began = Instant::now();
        while !replica
            .cli(&["info", "replication"])
            .contains("master_link_status:up")
        {
            assert!(began.elapsed() < PATIENCE, "it does not follow");
            std::thread::sleep(Duration::from_millis(20));
        }
        replica
    }

    /// Runs a command past the store.
    pub(crate) fn cli(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(words)
            .output()
            .expect("redis-cli");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn order(&mut self, order: &str, done: &str) {
        let _from_before = fs::remove_file(self.folder.join(done));
        let orders = self.keeper.stdin.as_mut().expect("the keeper listens");
        writeln!(orders, "{order}").unwrap();
        assert!(self.wait_for(done), "the server does not get {done}");
    }

    /// `false` when it cannot start.
    fn wait_for(&self, file: &str) -> bool {
        let began = Instant::now();
        while !self.folder.join(file).exists() {
            if self.folder.join("failed").exists() {
                return false;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "the server does not get {file}: {}",
                fs::read_to_string(self.folder.join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _status = self.keeper.wait();
    }
}

/// Runs the server `$1` on the port `$2` with the settings that follow, takes orders line by line, and removes everything when
/// nobody is left to give any.
const KEEPER: &str = r#"
trap '' INT TERM HUP
folder=$PWD program=$1 port=$2
shift 2
{
  start() {
    rm -f failed
    "$program" --port "$port" --bind 127.0.0.1 --dir "$folder" --save '' --appendonly yes --appendfsync always \
      --daemonize no --logfile server.log "$@" &
    server=$!
    until redis-cli -p "$port" ping 2>&1 | grep -Eq 'PONG|NOAUTH|MASTERDOWN'; do
      if ! kill -0 "$server" 2>/dev/null; then
        touch failed
        return
      fi
      sleep 0.02
    done
    # Another test's server may have had the port.
    if kill -0 "$server" 2>/dev/null; then touch started; else touch failed; fi
  }
  start "$@"
  while read -r order; do
    case $order in
      crash) kill -KILL "$server"; wait "$server"; touch crashed ;;
      start) start "$@" ;;
      pause) kill -STOP "$server"; touch paused ;;
      'go on') kill -CONT "$server"; touch running ;;
    esac
  done
  kill -KILL "$server"
  wait "$server"
} > log 2>&1
rm -rf "$folder"
"#;

const PATIENCE: Duration = Duration::from_mins(1);

/// A cluster's nodes also need the port 10,000 above.
fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let bus = port.checked_add(10_000);
        if bus.is_some_and(|bus| TcpListener::bind(("127.0.0.1", bus)).is_ok()) {
            return port;
        }
    }
}

fn program() -> OsString {
    let named = std::env::var_os("ADJOURN_TEST_REDIS_SERVER");
    named.unwrap_or_else(|| "redis-server".into())
}

fn is_installed() -> bool {
    let has = |program: &OsStr| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    let program = program();
    if has(&program) && has("redis-cli".as_ref()) {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci.is_empty() || ci == "false"),
        "{} or redis-cli is not installed, so that its store cannot be tested",
        program.display()
    );
    eprintln!(
        "NOT RUN: {} or redis-cli is not installed (Debian: apt-get install redis-server)",
        program.display()
    );
    false
}
