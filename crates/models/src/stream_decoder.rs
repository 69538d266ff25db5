//! A stream decoder: turns tokens' bytes into text as they arrive.

/// Joins the bytes of tokens to text and holds back characters of which bytes are still missing.
///
/// Whatever the pieces, the texts joined are what decoding all bytes at once gives, with U+FFFD for
/// bytes that are not UTF-8.
///
/// # Example
/// ```text
/// push(b"caf\xc3") = "caf"
/// push(b"\xa9!")   = "é!"
/// ```
#[derive(Debug, Clone, Default)]
pub struct StreamDecoder {
    held: Vec<u8>,
}

impl StreamDecoder {
    /// A decoder that holds nothing back.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next token's bytes and returns the text that is complete with them.
    #[must_use]
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let mut text = String::with_capacity(self.held.len());
        let mut rest = self.held.len();
        for chunk in self.held.utf8_chunks() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            rest -= chunk.valid().len() + invalid.len();
            if rest == 0 && is_incomplete(invalid) {
                rest = invalid.len();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.held.drain(..self.held.len() - rest);
        text
    }

    /// Bytes held back.
    #[must_use]
    pub fn held(&self) -> &[u8] {
        &self.held
    }

    /// Ends the text: what was held back becomes U+FFFD.
    #[must_use]
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.held).into_owned()
    }
}

/// Returns true if and only if more bytes could make a character of these.
fn is_incomplete(bytes: &[u8]) -> bool {
    matches!(str::from_utf8(bytes), Err(error) if error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn characters_wait_for_their_last_byte() {
        let mut decoder = StreamDecoder::new();
        assert_eq!(decoder.push(b"caf\xc3"), "caf");
        assert_eq!(decoder.held(), b"\xc3");
        assert_eq!(decoder.push(b"\xa9!"), "é!");
        assert_eq!(decoder.push(b"\xf0\x9f"), "");
        assert_eq!(decoder.finish(), "\u{fffd}");
    }

    #[test]
    fn bytes_that_are_not_utf8_do_not_block_the_stream() {
        let mut decoder = StreamDecoder::new();
        assert_eq!(decoder.push(b"a\xff\xffb\xe2\x82"), "a\u{fffd}\u{fffd}b");
        assert_eq!(decoder.push(b"c"), "\u{fffd}c");
    }

    proptest! {
        #[test]
        fn pieces_decode_to_the_whole(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..4),
                    ".{0,3}".prop_map(String::into_bytes),
                    prop::sample::select(vec![vec![0xf0, 0x9f], vec![0x98], vec![0x80], vec![0xe2]]),
                ],
                0..12,
            )
        ) {
            let mut decoder = StreamDecoder::new();
            let mut text: String = pieces.iter().map(|piece| decoder.push(piece)).collect();
            text.push_str(&decoder.finish());
            let whole = pieces.concat();
            prop_assert_eq!(text, String::from_utf8_lossy(&whole));
        }
    }
}
