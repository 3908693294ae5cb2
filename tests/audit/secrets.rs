//! Nothing secret is ever recorded, and nothing hostile breaks a record.

use crate::{
    files::Folder,
    support::{Site, raw},
};
use adjourn::{
    audit::{Format, JsonLines, Queue},
    id::Subject,
    reason::{Cause, EndReason},
};
use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tracing_subscriber::fmt::MakeWriter;

const FORMATS: [Format; 3] = [Format::Native, Format::Ocsf, Format::Owasp];
const LONG: Duration = Duration::from_mins(1);

/// Everything that goes to `tracing`.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A site that writes every format, and what it wrote.
struct Recorded {
    site: Site,
    queues: Vec<Queue>,
    paths: Vec<PathBuf>,
    _folder: Folder,
}

impl Recorded {
    async fn open(name: &str) -> Self {
        let folder = Folder::new(name);
        let paths: Vec<_> = FORMATS
            .iter()
            .map(|f| folder.path(&f.to_string()))
            .collect();
        let queue = |(format, path): (&Format, &PathBuf)| {
            let file = JsonLines::at(path).with_format(*format).with_chain();
            Queue::builder(file.open().unwrap()).start().unwrap()
        };
        let queues: Vec<_> = FORMATS.iter().zip(&paths).map(queue).collect();
        let listening = queues.clone();
        let site = Site::builder()
            .configure(move |builder| {
                listening
                    .into_iter()
                    .fold(builder, adjourn::SessionsBuilder::add_audit_sink)
                    .on_end("hook", |_| async { Err("hook-error-text".to_owned()) })
            })
            .open()
            .await;
        Self {
            site,
            queues,
            paths,
            _folder: folder,
        }
    }

    async fn written(self) -> String {
        let _left = self.site.sessions.shutdown().await;
        for queue in &self.queues {
            queue.close(LONG).await.unwrap();
        }
        let texts = self
            .paths
            .iter()
            .map(|path| fs::read_to_string(path).unwrap());
        texts.collect()
    }
}

/// Does everything that could leak, and answers the tokens that were used.
async fn live_and_end(site: &Site) -> Vec<String> {
    let browser = site.logged_in("alice").await;
    let mut tokens = vec![browser.token().unwrap()];
    browser.post("/value/cart?is=value-of-the-user").await;
    browser.post("/rotate").await;
    tokens.push(browser.token().unwrap());
    let stolen = browser.stolen_copy();
    browser.post("/logout").await;
    assert!(
        stolen
            .get_api("/api/me?token=in-the-query")
            .await
            .is_refused()
    );
    for bad in [
        tokens[0].clone(),
        format!("{}AAAA", &tokens[1][..60]),
        "x".repeat(70),
    ] {
        let cookie = format!("__Host-sid={bad}; other=other-cookie");
        let request = format!(
            "GET /api/me HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nAuthorization: Basic aGVsbG8=\r\n\
             Connection: close\r\n\r\n"
        );
        raw(site.address, request).await;
        tokens.push(bad);
    }
    site.logged_in("bob").await;
    let cause = Cause::from(EndReason::Forced).with_actor(Subject::new("admin").unwrap());
    let _ended = site.sessions.terminator().end_everyone(None, cause).await;
    tokens
}

// R-13-7
#[tokio::test]
async fn no_sink_in_any_format_holds_a_token_a_cookie_or_a_value() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    crate::support::ask_every_subscriber();
    let guard = tracing::subscriber::set_default(subscriber);

    let recorded = Recorded::open("secrets").await;
    let site = &recorded.site;
    let tokens = live_and_end(site).await;
    let events = site.events.codes();
    for code in [
        "session-rotated",
        "session-ended",
        "use-after-end",
        "wrong-secret",
        "cut-made",
    ] {
        assert!(events.contains(&code), "{code} in {events:?}");
    }
    let mut text = recorded.written().await;
    drop(guard);
    text.push_str(&log.text());
    assert!(text.contains("session_use_after_expire:alice"));
    assert!(text.contains("\"class_uid\":3002"));
    assert!(text.contains("adjourn::audit"), "tracing was heard");

    for token in &tokens {
        // What follows the 22 characters of the public id is the secret.
        for start in (22..token.len().saturating_sub(12)).step_by(4) {
            let part = &token[start..start + 12];
            assert!(!text.contains(part), "{part} of {token}");
        }
    }
    for secret in [
        "__Host-sid",
        "other-cookie",
        "value-of-the-user",
        "in-the-query",
        "hook-error-text",
        "aGVsbG8",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

// R-13-9, R-1-32
#[tokio::test]
async fn hostile_texts_over_the_network_stay_on_their_lines() {
    let recorded = Recorded::open("hostile").await;
    let site = &recorded.site;
    let agent: &[u8] = b"evil\x85\xe2\x80\xa8\t\"},{\"event\":\"session-ended\" \xff";
    let mut request = b"POST /login?as=eve%3A1,admin HTTP/1.1\r\nHost: x\r\nUser-Agent: ".to_vec();
    request.extend_from_slice(agent);
    request.extend_from_slice(b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let answer = raw(site.address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let text = recorded.written().await;
    assert_eq!(text.lines().count(), 3);
    for line in text.split_terminator('\n') {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(json.is_object());
        assert!(line.bytes().all(|b| (0x20..0x7f).contains(&b)), "{line}");
    }
    assert!(text.contains("session_created:eve%3A1%2Cadmin\""));
}
