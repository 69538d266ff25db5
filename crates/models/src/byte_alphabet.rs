//! The byte alphabet: the 256 printable characters that byte-level vocabularies spell bytes with.
//!
//! Bytes that are printable in Latin-1 stand for themselves; the others, in ascending order, are
//! the characters from U+0100 on. A space is `Ġ`, a line feed `Ċ`.
//!
//! # Source
//! Radford et al., [Language Models are Unsupervised Multitask
//! Learners](https://github.com/openai/gpt-2), 2019, section 2.2.

/// The byte that a character of the alphabet stands for; `None` for any other character.
pub(crate) fn byte_of(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    let byte = match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => code,
        0x100..=0x120 => code - 0x100,
        0x121..=0x142 => code - 0x121 + 0x7f,
        0x143 => 0xad,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

/// The bytes that a token stands for; `None` if it is not spelled in the alphabet.
pub(crate) fn bytes_of(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_one_letter_for_each_byte() {
        let mut bytes: Vec<u8> = ('\0'..='\u{200}').filter_map(byte_of).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn words_are_spelled_with_marked_spaces() {
        assert_eq!(bytes_of("Ġhello"), Some(b" hello".to_vec()));
        assert_eq!(bytes_of("Ċ"), Some(b"\n".to_vec()));
        assert_eq!(bytes_of("é"), Some(vec![0xe9]));
        assert_eq!(bytes_of("a b"), None);
    }
}
