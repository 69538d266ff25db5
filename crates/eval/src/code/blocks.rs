//! Blocks: the fenced code in a text.

/// What opens and closes a block.
const FENCE: &str = "```";

/// The blocks of a text, in order. One that is not closed ends with the text. The indentation of the line that opens
/// a block is taken off the lines in it.
///
/// # Complexity
///
/// Linear in the text.
pub(crate) fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches([' ', '\t']);
        open = match open {
            None if bare.starts_with(FENCE) => {
                Some((&line[..line.len() - bare.len()], String::new()))
            }
            None => None,
            Some((_, block)) if bare.trim_end() == FENCE => {
                blocks.push(block);
                None
            }
            Some((indent, mut block)) => {
                block.push_str(line.strip_prefix(indent).unwrap_or(bare));
                Some((indent, block))
            }
        };
    }
    blocks.extend(open.map(|(_, block)| block));
    blocks
}
