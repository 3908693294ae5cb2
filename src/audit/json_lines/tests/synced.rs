//! What was written and could not be brought to the disk.

use crate::{
    audit::{BlockingSink, Event, EventKind, FaultKind, Fsync, JsonLines, Rotation},
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

/// What `verify` finds in the old file and this one.
fn faults(place: &Place) -> Vec<FaultKind> {
    let lines = fs::read(place.file().with_extension("jsonl.1")).unwrap();
    let lines = [lines, fs::read(place.file()).unwrap()].concat();
    let verified = crate::audit::verify(&lines[..]).unwrap();
    verified.faults.iter().map(|fault| fault.kind).collect()
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

// A machine that fails right after a rotation leaves a part of the first line, or nothing.
#[test]
fn a_chain_goes_on_after_a_crash_in_the_first_line_of_a_new_file() {
    for (left, expected) in [("{\"ev", vec![FaultKind::Malformed]), ("", vec![])] {
        let place = Place::new();
        let open = || {
            let rotation = Rotation {
                max_bytes: 1_000,
                keep: 2,
            };
            let builder = JsonLines::at(place.file()).with_rotation(rotation);
            builder.with_chain().open().unwrap()
        };
        let mut file = open();
        for byte in 1..=3 {
            file.write(&started(byte)).unwrap();
        }
        drop(file);
        fs::rename(place.file(), place.file().with_extension("jsonl.1")).unwrap();
        fs::write(place.file(), left).unwrap();
        open().write(&started(4)).unwrap();
        assert_eq!(faults(&place), expected);
        // And once more, now that the file has a line of its own.
        open().write(&started(5)).unwrap();
        assert_eq!(faults(&place), expected);
    }
}
