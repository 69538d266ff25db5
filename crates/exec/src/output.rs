//! An excerpt of what a program wrote: its head and its tail, because errors stand at the end.

use serde::{Deserialize, Serialize};

/// The head and the tail of a text, and how much was left out between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// The beginning, or the whole where nothing was left out.
    pub head: String,
    /// Bytes between head and tail that were not kept.
    pub omitted_bytes: u64,
    /// The end; empty where nothing was left out.
    pub tail: String,
}

impl Excerpt {
    /// The text, with a line that says what was left out, where something was.
    #[must_use]
    pub fn text(&self) -> String {
        if self.omitted_bytes == 0 {
            return format!("{}{}", self.head, self.tail);
        }
        format!("{}\n… {} bytes left out …\n{}", self.head, self.omitted_bytes, self.tail)
    }
}

/// Collects what a program writes in bounded memory.
#[derive(Debug)]
pub struct Collector {
    head: Vec<u8>,
    /// A ring once it is full: the oldest byte is at `start`.
    tail: Vec<u8>,
    start: usize,
    head_bytes: usize,
    tail_bytes: usize,
    total: u64,
}

impl Collector {
    /// Keeps the first `head_bytes` and the last `tail_bytes`.
    #[must_use]
    pub fn new(head_bytes: usize, tail_bytes: usize) -> Self {
        Self { head: Vec::new(), tail: Vec::new(), start: 0, head_bytes, tail_bytes, total: 0 }
    }

    /// Bytes taken in so far.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Takes in what came next.
    pub fn push(&mut self, mut bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let to_head = bytes.len().min(self.head_bytes - self.head.len());
        self.head.extend_from_slice(&bytes[..to_head]);
        bytes = &bytes[to_head..];
        // Only the last of it can stay.
        bytes = &bytes[bytes.len().saturating_sub(self.tail_bytes)..];
        let to_fill = bytes.len().min(self.tail_bytes - self.tail.len());
        self.tail.extend_from_slice(&bytes[..to_fill]);
        for &byte in &bytes[to_fill..] {
            self.tail[self.start] = byte;
            self.start = (self.start + 1) % self.tail_bytes;
        }
    }

    /// The excerpt; bytes that are no UTF-8 become U+FFFD.
    #[must_use]
    pub fn finish(self) -> Excerpt {
        let kept = (self.head.len() + self.tail.len()) as u64;
        let mut tail = self.tail;
        tail.rotate_left(self.start);
        if kept == self.total {
            let whole = [self.head, tail].concat();
            let head = String::from_utf8_lossy(&whole).into_owned();
            return Excerpt { head, omitted_bytes: 0, tail: String::new() };
        }
        Excerpt {
            head: String::from_utf8_lossy(&self.head).into_owned(),
            omitted_bytes: self.total - kept,
            tail: String::from_utf8_lossy(&tail).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(parts: &[&[u8]]) -> Excerpt {
        let mut collector = Collector::new(4, 3);
        for part in parts {
            collector.push(part);
        }
        collector.finish()
    }

    #[test]
    fn what_fits_is_kept_whole() {
        for parts in [&[b"abcdefg".as_slice()][..], &[b"abc", b"de", b"fg"]] {
            assert_eq!(excerpt(parts).text(), "abcdefg");
        }
        // A character across the seam of head and tail is one character.
        assert_eq!(excerpt(&["abc\u{e9}de".as_bytes()]).head, "abc\u{e9}de");
    }

    #[test]
    fn head_and_tail_stay_however_it_came() {
        let text: Vec<u8> = (b'a'..=b'z').collect();
        let expected = Excerpt { head: "abcd".into(), omitted_bytes: 19, tail: "xyz".into() };
        for size in 1..=26 {
            let parts: Vec<&[u8]> = text.chunks(size).collect();
            assert_eq!(excerpt(&parts), expected, "parts of {size}");
        }
        assert_eq!(expected.text(), "abcd\n… 19 bytes left out …\nxyz");
    }

    #[test]
    fn bytes_that_are_no_text_are_marked() {
        assert_eq!(excerpt(&[b"a\xffb"]).head, "a\u{fffd}b");
    }
}
