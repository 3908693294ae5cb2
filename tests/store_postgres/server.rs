//! A PostgreSQL server of the tests' own: started in a temporary folder, reached by a socket in it,
//! and gone with the tests, however they end.
//!
//! `ADJOURN_TEST_POSTGRES`, the address of a database, names a running server to use instead.

use sqlx::postgres::PgConnectOptions;
use std::{
    fs,
    io::Write,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    str::FromStr,
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
}

impl Server {
    /// The one that most tests share; `None`, said loudly, where there is none to start.
    pub(crate) fn shared() -> Option<PgConnectOptions> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        if let Ok(address) = std::env::var("ADJOURN_TEST_POSTGRES") {
            return Some(PgConnectOptions::from_str(&address).expect("ADJOURN_TEST_POSTGRES"));
        }
        SHARED.get_or_init(Self::start).as_ref().map(Self::options)
    }

    /// A server for one test, which may stop it.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// As [`start`](Self::start), with these options of `postgres`, without spaces in their values.
    pub(crate) fn start_with(settings: &str) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let Some(programs) = programs() else {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci.is_empty() || ci == "false"),
                "PostgreSQL is not installed, so that its store cannot be tested"
            );
            eprintln!("NOT RUN: PostgreSQL is not installed (Debian: apt-get install postgresql)");
            return None;
        };
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("adjourn-pg-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let owner = owner();
        if let Some(id) = owner {
            chown(&folder, Some(id), Some(id)).unwrap();
        }
        let mut keeper = Command::new("sh");
        keeper
            .arg("-c")
            .arg(KEEPER)
            .arg("keeper")
            .arg(&folder)
            .arg(&programs)
            .arg(settings)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0);
        if let Some(id) = owner {
            keeper.uid(id).gid(id);
        }
        let keeper = keeper.spawn().expect("sh");
        let server = Self { folder, keeper };
        server.wait_for("ready");
        Some(server)
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new()
            .socket(&self.folder)
            .username("adjourn")
            .database("postgres")
            .ssl_mode(sqlx::postgres::PgSslMode::Disable)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// What it wrote down so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("server.log")).unwrap()
    }

    /// Stops at once and without a word, as a crash would, and starts again.
    pub(crate) fn crash_and_restart(&mut self) {
        self.order("crash", "crashed");
        self.order("start", "started");
    }

    pub(crate) fn crash(&mut self) {
        self.order("crash", "crashed");
    }

    pub(crate) fn restart(&mut self) {
        self.order("start", "started");
    }

    /// Stops every process of the server where it stands (SIGSTOP).
    pub(crate) fn pause(&mut self) {
        self.order("pause", "paused");
    }

    pub(crate) fn resume(&mut self) {
        self.order("resume", "resumed");
    }

    /// Starts a replica beside the server.
    pub(crate) fn replicate(&mut self) -> PgConnectOptions {
        self.order("replica", "replicated");
        self.options().port(5433)
    }

    fn order(&mut self, order: &str, done: &str) {
        let _from_before = fs::remove_file(self.folder.join(done));
        let orders = self.keeper.stdin.as_mut().expect("the keeper listens");
        writeln!(orders, "{order}").unwrap();
        self.wait_for(done);
    }

    fn wait_for(&self, file: &str) {
        let began = Instant::now();
        while !self.folder.join(file).exists() {
            assert!(
                began.elapsed() < Duration::from_mins(2),
                "the server does not get {file}: {}",
                fs::read_to_string(self.folder.join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _status = self.keeper.wait();
    }
}

/// Makes a database in `$1` with the programs in `$2`, runs it with the options `$3`, takes orders line by line, and
/// removes everything when nobody is left to give any.
const KEEPER: &str = r#"
trap '' INT TERM HUP
{
  "$2/initdb" -D data -U adjourn -A trust -E UTF8 --locale=C -N &&
  printf 'local all locked scram-sha-256\n' | cat - data/pg_hba.conf > hba &&
  cat hba > data/pg_hba.conf
  start() {
    "$2/pg_ctl" -D data -l server.log -w -o "-k $1 -c listen_addresses='' -c port=5432 \
      -c fsync=off -c full_page_writes=off -c max_connections=200 -c wal_writer_delay=10000 \
      -c shared_preload_libraries=$preload $3" start
  }
  signal() {
    main=$(head -n 1 data/postmaster.pid)
    kill "-$1" "$main"
    for child in $(ps -o pid= --ppid "$main"); do kill "-$1" "$child"; done
  }
  preload=
  if "$2/pg_config" --version >/dev/null 2>&1 && [ -e "$("$2/pg_config" --pkglibdir)/pg_stat_statements.so" ]; then
    preload=pg_stat_statements
  fi
  start "$1" "$2" "$3" && touch ready
  while read -r order; do
    case $order in
      crash) "$2/pg_ctl" -D data -w -m immediate stop; touch crashed ;;
      start) start "$1" "$2" "$3"; touch started ;;
      pause) signal STOP; touch paused ;;
      resume) signal CONT; touch resumed ;;
      replica)
        "$2/pg_basebackup" -h "$1" -U adjourn -D replica -R -c fast &&
        "$2/pg_ctl" -D replica -l replica.log -w -o "-k $1 -c listen_addresses='' -c port=5433 \
          -c fsync=off -c max_connections=200" start && touch replicated ;;
    esac
  done
  [ ! -d replica ] || "$2/pg_ctl" -D replica -w -m immediate stop
  [ ! -e data/postmaster.pid ] || signal CONT
  "$2/pg_ctl" -D data -w -m immediate stop
} > log 2>&1
rm -rf "$1"
"#;

/// Where the server's programs are: in the path, or where Debian puts them.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql").ok();
    let mut versions: Vec<PathBuf> = debian
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    versions.sort();
    let places = versions
        .into_iter()
        .rev()
        .chain(std::env::split_paths(&path));
    let has_all = |folder: &PathBuf| {
        let has = |program: &str| folder.join(program).is_file();
        has("initdb") && has("postgres") && has("pg_ctl")
    };
    places.into_iter().find(has_all)
}

/// PostgreSQL refuses to run as root: then as the user "nobody".
fn owner() -> Option<u32> {
    let is_root = Path::new("/proc/self").exists()
        && fs::metadata("/proc/self").is_ok_and(|own| {
            use std::os::unix::fs::MetadataExt;
            own.uid() == 0
        });
    is_root.then_some(65_534)
}
