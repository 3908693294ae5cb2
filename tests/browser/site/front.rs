//! A reverse proxy before the demo. The browsers use the demo through it, so that a test knows what
//! they asked for, can add pages of its own to the site, and can make the server fail.

use super::tls::Tls;
use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

/// The proxy. It runs, and keeps its port, until the process ends: nobody else gets its origin.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    port: u16,
    tls: Option<Arc<Tls>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    demo: SocketAddr,
    pages: Mutex<HashMap<String, Page>>,
    log: Mutex<Vec<(Instant, String)>>,
}

/// An answer that stands in for the demo's.
#[derive(Clone, Debug)]
struct Page {
    status: u16,
    content_type: &'static str,
    body: String,
}

impl Front {
    pub(crate) fn before(demo: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let front = Self {
            port: listener.local_addr().unwrap().port(),
            tls: None,
            shared: Arc::new(Shared {
                demo,
                pages: Mutex::default(),
                log: Mutex::default(),
            }),
        };
        let shared = Arc::clone(&front.shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                // What goes wrong with a connection, the browser sees.
                thread::spawn(move || shared.serve(stream?));
            }
        });
        front
    }

    /// The same over https.
    pub(crate) fn encrypted(self) -> Self {
        let tls = Some(Arc::new(Tls::before(self.port)));
        Self { tls, ..self }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// A path on the bank's own origin.
    pub(crate) fn url(&self, path: &str) -> String {
        if let Some(tls) = &self.tls {
            return format!("https://localhost:{}{path}", tls.port);
        }
        format!("http://localhost:{}{path}", self.port)
    }

    /// The same server as another site: `localhost` and `127.0.0.1` are not the same site.
    pub(crate) fn foreign_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// From now on this path is answered by the test.
    pub(crate) fn answer(&self, path: &str, status: u16, content_type: &'static str, body: &str) {
        let page = Page {
            status,
            content_type,
            body: body.to_owned(),
        };
        self.shared
            .pages
            .lock()
            .unwrap()
            .insert(path.to_owned(), page);
    }

    /// From now on this path is the demo's again.
    pub(crate) fn pass(&self, path: &str) {
        self.shared.pages.lock().unwrap().remove(path);
    }

    /// From now on no request for this path is answered: the connection is closed.
    pub(crate) fn hang_up(&self, path: &str) {
        self.answer(path, HANGS_UP, "", "");
    }

    /// The requests since the last look: method and path.
    pub(crate) fn requests(&self) -> Vec<String> {
        let log = std::mem::take(&mut *self.shared.log.lock().unwrap());
        log.into_iter().map(|(_, request)| request).collect()
    }

    /// When requests for this came, with whatever query, as far as they are still in the log.
    pub(crate) fn arrivals(&self, request: &str) -> Vec<Instant> {
        let log = self.shared.log.lock().unwrap();
        let found = log
            .iter()
            .filter(|(_, it)| it.split('?').next() == Some(request));
        found.map(|(when, _)| *when).collect()
    }
}

impl Shared {
    /// One request on each connection.
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let Some((head, rest)) = read_head(&mut client)? else {
            return Ok(());
        };
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap_or_default());
        let request = (Instant::now(), format!("{method} {target}"));
        self.log.lock().unwrap().push(request);
        let path = target.split('?').next().unwrap();
        let page = self.pages.lock().unwrap().get(path).cloned();
        match page {
            Some(page) if page.status == HANGS_UP => Ok(()),
            Some(page) => client.write_all(page.response().as_bytes()),
            None => self.pass_on(&head, &rest, client),
        }
    }

    fn pass_on(&self, head: &str, rest: &[u8], client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(self.demo)?;
        let mut to_server = server.try_clone()?;
        to_server.write_all(closing(head).as_bytes())?;
        to_server.write_all(rest)?;
        let from_client = client.try_clone()?;
        thread::spawn(move || copy(from_client, to_server));
        copy(server, client);
        Ok(())
    }
}

impl Page {
    fn response(&self) -> String {
        let Self {
            status,
            content_type,
            body,
        } = self;
        let length = body.len();
        format!(
            "HTTP/1.1 {status} Test\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        )
    }
}

/// Stands for no answer at all.
const HANGS_UP: u16 = 0;

/// Copies until one of the two has enough, then ends both.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// The head of a request with its empty line, and what came behind it.
fn read_head(client: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut received = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(at) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = received.split_off(at + 4);
            return Ok(Some((
                String::from_utf8_lossy(&received).into_owned(),
                rest,
            )));
        }
        let length = client.read(&mut chunk)?;
        if length == 0 {
            return Ok(None);
        }
        received.extend_from_slice(&chunk[..length]);
    }
}

/// The same head, asking for a connection that closes; but a WebSocket needs its own wish.
fn closing(head: &str) -> String {
    let is = |line: &str, name: &str| line.to_ascii_lowercase().starts_with(name);
    if head.lines().any(|line| is(line, "upgrade: websocket")) {
        return head.to_owned();
    }
    let kept = head
        .split_inclusive("\r\n")
        .filter(|line| *line != "\r\n" && !is(line, "connection:"));
    kept.chain(["connection: close\r\n\r\n"]).collect()
}
