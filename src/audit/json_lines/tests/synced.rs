//! What was written and could not be brought to the disk.

use crate::{
    audit::{BlockingSink, Event, EventKind, Fsync, JsonLines},
    id::SessionId,
    time::Timestamp,
};
use std::{fs, path::PathBuf};

struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let name = format!("adjourn-synced-{}", SessionId::random().unwrap());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("audit.jsonl")
    }

    fn lines(&self) -> usize {
        fs::read_to_string(self.file()).unwrap().lines().count()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.0);
    }
}

fn started(byte: u8) -> Event {
    let event = Event::new(EventKind::Started, Timestamp::default());
    event.of(SessionId::from_bytes([byte; 16]))
}

#[test]
fn a_line_that_did_not_reach_the_disk_is_not_written_again_when_it_is_tried_again() {
    let place = Place::new();
    let builder = JsonLines::at(place.file()).with_fsync(Fsync::EachLine);
    let mut file = builder.with_chain().open().unwrap();
    file.file.failing_syncs.set(2);
    file.write(&started(1)).unwrap_err();
    file.write(&started(1)).unwrap_err();
    assert_eq!(place.lines(), 1, "only the disk is tried again");
    file.write(&started(1)).unwrap();
    assert_eq!(place.lines(), 1);
    // The same event a second time is another line.
    file.write(&started(1)).unwrap();
    assert_eq!(place.lines(), 2);

    // Who does not try again goes on with the next event.
    file.file.failing_syncs.set(1);
    file.write(&started(2)).unwrap_err();
    file.write(&started(3)).unwrap();
    assert_eq!(place.lines(), 4);
    drop(file);
    let written = fs::File::open(place.file()).unwrap();
    let checked = crate::audit::verify(std::io::BufReader::new(written));
    assert!(checked.is_ok(), "{checked:?}");
}
