//! Memory of weights: in one place, and in large pages where the system has them.
//!
//! A decoder reads all its weights at each step. In pages of 4 KB that is a miss of the translation buffer
//! every 64 cache lines, and the processor's prefetching ends at each page.
//!
//! # Safety
//!
//! The one call that is `unsafe` gives advice on memory that this module has just allocated and has not lent
//! to anyone yet; the advice changes how pages are mapped, never what they hold.

use std::sync::{Mutex, PoisonError};

use bytes::{Buf, BytesMut};

use crate::layout::LINE;

/// Bytes of a large page.
#[cfg(target_os = "linux")]
const PAGE: usize = 2 << 20;
/// Bytes allocated at a time. Allocators map as many anew, zero and untouched, so that those nobody asks for
/// take no memory.
const CHUNK: usize = 64 << 20;

/// What is left of the last chunk. A chunk is freed with the last of its pieces: of a model that is let go of,
/// as much as a chunk can stay as long as another's matrices share it, or nothing else is loaded.
static LEFT: Mutex<Option<BytesMut>> = Mutex::new(None);

/// Zero bytes that open a cache line.
pub(crate) fn zeroed(bytes: usize) -> BytesMut {
    let whole = bytes.next_multiple_of(LINE);
    if whole > CHUNK {
        let mut piece = chunk(whole);
        piece.truncate(bytes);
        return piece;
    }
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut chunk = left.take().filter(|left| left.len() >= whole).unwrap_or_else(|| chunk(CHUNK));
    let mut piece = chunk.split_to(whole);
    *left = Some(chunk);
    piece.truncate(bytes);
    piece
}

/// A new chunk of as many bytes at least, which opens a cache line.
fn chunk(bytes: usize) -> BytesMut {
    let mut chunk = BytesMut::zeroed(bytes + LINE);
    #[cfg(target_os = "linux")]
    advise(&mut chunk);
    let start = chunk.as_ptr().align_offset(LINE).min(LINE);
    chunk.advance(start);
    chunk
}

/// Asks for large pages. Where there are none, or not as many, small ones do.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "advice on memory is a call of the system")]
fn advise(memory: &mut [u8]) {
    use rustix::mm::{Advice, madvise};
    let start = memory.as_ptr().align_offset(PAGE).min(memory.len());
    let pages = &mut memory[start..];
    let len = pages.len() / PAGE * PAGE;
    // SAFETY: these are whole pages of memory that is lent to this function alone, and this advice leaves
    // what they hold as it is.
    let _ = unsafe { madvise(pages.as_mut_ptr().cast(), len, Advice::LinuxHugepage) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_zero_open_lines_and_are_apart() {
        let sizes = [1, 64, 100, 3 << 20, CHUNK - 5, CHUNK + 9, 0, 65];
        let mut pieces: Vec<BytesMut> = sizes.iter().map(|&bytes| zeroed(bytes)).collect();
        for (at, (piece, bytes)) in pieces.iter_mut().zip(sizes).enumerate() {
            assert_eq!((piece.len(), piece.as_ptr().align_offset(LINE)), (bytes, 0));
            assert!(piece.iter().all(|byte| *byte == 0));
            piece.fill(at as u8 + 1);
        }
        for (at, piece) in pieces.iter().enumerate() {
            assert!(piece.iter().all(|byte| *byte == at as u8 + 1));
        }
    }
}
