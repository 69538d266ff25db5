//! Append-only logs of JSON lines: a line is on disk, whole, before it counts.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::de::DeserializeOwned;

/// What a log is written to.
pub(crate) trait Durable {
    /// Appends all of `bytes`, with one system call where the system takes them all at once.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Forces what was appended to disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the end off.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

impl Durable for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// A log open for appending.
#[derive(Debug)]
pub(crate) struct Log<F> {
    file: F,
    /// Bytes of whole lines on disk.
    length: u64,
    /// Lines that could not be written yet, oldest first.
    pending: Vec<String>,
    /// Whether a failed write may have left part of a line behind.
    torn: bool,
}

impl Log<File> {
    /// Opens a log, makes it if there is none, and cuts off a last line that was never finished.
    /// Returns its lines.
    pub(crate) fn open<T: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<T>), OpenError> {
        let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let bytes = std::fs::read(path)?;
        let (lines, whole) = parse(&bytes)?;
        if whole < bytes.len() {
            file.set_len(whole as u64)?;
            file.sync_data()?;
        }
        Ok((Self::over(file, whole as u64), lines))
    }
}

impl<F: Durable> Log<F> {
    pub(crate) fn over(file: F, length: u64) -> Self {
        Self { file, length, pending: Vec::new(), torn: false }
    }

    /// Appends a line and waits until it is on disk, after those that could not be written before. On
    /// an error the line is kept, and written by the next call that succeeds.
    pub(crate) fn append(&mut self, line: String) -> io::Result<()> {
        self.pending.push(line);
        self.flush()
    }

    /// Writes what could not be written before.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while let Some(line) = self.pending.first() {
            if self.torn {
                self.file.truncate(self.length)?;
                self.torn = false;
            }
            let bytes = [line.as_bytes(), b"\n"].concat();
            self.torn = true;
            self.file.append(&bytes)?;
            self.file.sync()?;
            self.torn = false;
            self.length += bytes.len() as u64;
            self.pending.remove(0);
        }
        Ok(())
    }
}

/// Why a log cannot be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    Io(io::Error),
    /// A line that is not the last one, or that ends as it should, cannot be read.
    Line {
        line: usize,
        problem: String,
    },
}

impl From<io::Error> for OpenError {
    fn from(source: io::Error) -> Self {
        Self::Io(source)
    }
}

/// The lines of a log, and how many of its bytes they take up: a line without its end is not one.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<(Vec<T>, usize), OpenError> {
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let parse_line = |(index, line): (usize, &[u8])| {
        serde_json::from_slice(line)
            .map_err(|error| OpenError::Line { line: index + 1, problem: error.to_string() })
    };
    let body = bytes[..whole].strip_suffix(b"\n").unwrap_or(&[]);
    let lines = if whole == 0 {
        Vec::new()
    } else {
        body.split(|&byte| byte == b'\n').enumerate().map(parse_line).collect::<Result<_, _>>()?
    };
    Ok((lines, whole))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A disk with room for `room` bytes, that writes what fits before it fails.
    #[derive(Debug, Default)]
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
        syncs_that_fail: usize,
    }

    impl Durable for Disk {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let fits = bytes.len().min(self.room - self.bytes.len());
            self.bytes.extend_from_slice(&bytes[..fits]);
            if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn sync(&mut self) -> io::Result<()> {
            if self.syncs_that_fail > 0 {
                self.syncs_that_fail -= 1;
                return Err(io::Error::from_raw_os_error(5));
            }
            Ok(())
        }

        fn truncate(&mut self, length: u64) -> io::Result<()> {
            self.bytes.truncate(length as usize);
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn a_full_disk_loses_nothing(room in 0_usize..40, lines in 1_usize..8, failing in 0_usize..3) {
            let disk = Disk { room, syncs_that_fail: failing, ..Disk::default() };
            let mut log = Log::over(disk, 0);
            let mut written = 0;
            for line in 0..lines {
                if log.append((100 + line).to_string()).is_ok() {
                    written = line + 1;
                }
                // What counts as written is there, whole.
                let (on_disk, _) = parse::<usize>(&log.file.bytes).unwrap();
                prop_assert!(on_disk.len() >= written);
            }
            log.file.room = 1000;
            while log.flush().is_err() {}
            let (on_disk, whole) = parse::<usize>(&log.file.bytes).unwrap();
            prop_assert_eq!(whole, log.file.bytes.len());
            prop_assert_eq!(on_disk, (100..100 + lines).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_broken_line_in_the_middle_is_an_error() {
        let error = parse::<u32>(b"1\nx\n3\n").unwrap_err();
        assert!(matches!(error, OpenError::Line { line: 2, .. }));
        assert!(parse::<u32>(b"1\n\n3\n").is_err());
        assert_eq!(parse::<u32>(b"1\n2").unwrap(), (vec![1], 2));
        assert_eq!(parse::<u32>(b"").unwrap(), (vec![], 0));
    }
}
