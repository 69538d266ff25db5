//! Blocks: the fenced code in a text.

/// One fenced block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// The word that follows the opening fence; empty where there is none.
    pub language: &'a str,
    /// What stands between the fences, without the line of the first.
    pub code: &'a str,
    /// Where the block ends in the text, its closing fence included; `None` where it is not closed.
    pub end: Option<usize>,
}

/// The fenced blocks of `text`, in order.
///
/// A fence is a run of three or more backticks. Wherever it stands, it opens a block, or closes the one that is
/// open; one that closes and is followed by a word opens the next. So models are read that put fences at the
/// end of a line or leave one out.
///
/// ```
/// use espalier_search::blocks::blocks;
/// let text = "Add them.\n```python\nprint(1 + 1)\n```\n```output\n2\n```\nSo 2.";
/// let found: Vec<_> = blocks(text).map(|block| (block.language, block.code)).collect();
/// assert_eq!(found, [("python", "print(1 + 1)\n"), ("output", "2\n")]);
/// assert_eq!(blocks("```python\nprint(").next().unwrap().end, None);
/// ```
///
/// # Complexity
///
/// Linear in the text.
pub fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (_, opened) = fence(text, at)?;
        let line = text[opened..].find('\n').map_or(text.len(), |end| opened + end);
        let close = fence(text, opened);
        // Code in a line has no line of its own for a language.
        let inline = close.is_some_and(|(start, _)| start < line);
        let (info, from) = if inline { ("", opened) } else { (&text[opened..line], line + 1) };
        let language = info.split_whitespace().next().unwrap_or("");
        let from = from.min(text.len());
        let Some((start, end)) = close else {
            at = text.len();
            return Some(Block { language, code: &text[from..], end: None });
        };
        let opens_next = text[end..].starts_with(|next: char| next.is_ascii_alphabetic());
        at = if opens_next { start } else { end };
        Some(Block { language, code: &text[from.min(start)..start], end: Some(end) })
    })
}

/// The code of the last closed block in one of these languages, where nothing but white space follows it; a
/// block without a language is in any.
///
/// ```
/// use espalier_search::blocks::last_code;
/// let python = ["python", "py"];
/// assert_eq!(last_code("```python\n1\n```\nNo:\n```py\n2\n```\n", &python), Some("2\n"));
/// assert_eq!(last_code("```python\n1\n```\n```output\n1\n```", &python), None);
/// assert_eq!(last_code("```python\n1\n```\nSo 1.", &python), None);
/// ```
#[must_use]
pub fn last_code<'a>(text: &'a str, languages: &[&str]) -> Option<&'a str> {
    let last = blocks(text).last()?;
    let end = last.end?;
    let known = last.language.is_empty()
        || languages.iter().any(|language| last.language.eq_ignore_ascii_case(language));
    let ends = text[end..].trim().is_empty();
    (known && ends && !last.code.trim().is_empty()).then_some(last.code)
}

/// The first run of three or more backticks from `from` on: where it starts and ends.
fn fence(text: &str, from: usize) -> Option<(usize, usize)> {
    let start = from + text[from..].find("```")?;
    let run = text[start..].bytes().take_while(|&byte| byte == b'`').count();
    Some((start, start + run))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(&str, &str, bool)> {
        blocks(text).map(|block| (block.language, block.code, block.end.is_some())).collect()
    }

    #[test]
    fn fences_are_read_as_models_write_them() {
        assert_eq!(read("no code"), []);
        assert_eq!(read("```\nx\n```"), [("", "x\n", true)]);
        assert_eq!(read("Code: ```Python title=1\r\nx```"), [("Python", "x", true)]);
        assert_eq!(
            read("```python\nx\n```output\n1\n```"),
            [("python", "x\n", true), ("output", "1\n", true)]
        );
        assert_eq!(read("so ```x = 1``` it is"), [("", "x = 1", true)]);
        assert_eq!(read("````python\nx\n````"), [("python", "x\n", true)]);
        assert_eq!(read("```python"), [("python", "", false)]);
        assert_eq!(read("```python\nx\n"), [("python", "x\n", false)]);
        assert_eq!(read("``````"), [("", "", false)]);
    }

    #[test]
    fn ten_thousand_blocks_are_read_at_once() {
        let text = "```python\nprint(1)\n```\n".repeat(10_000);
        assert_eq!(blocks(&text).count(), 10_000);
        assert_eq!(last_code(&text, &["python"]), Some("print(1)\n"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(`{1,4}|\n|[a-zé ]|python\n){0,30}") {
            let mut before = 0;
            for block in blocks(&text) {
                let end = block.end.unwrap_or(text.len());
                prop_assert!(end >= before && end <= text.len());
                prop_assert!(!block.code.contains("```"));
                before = end;
            }
        }

        #[test]
        fn what_is_fenced_is_read_back(codes in prop::collection::vec("[a-z =()\n]{0,20}", 0..6)) {
            let text = codes.iter().fold(String::new(), |text, code| {
                text + "Text.\n```python\n" + code + "\n```\n"
            });
            let back: Vec<String> = blocks(&text).map(|block| block.code.to_owned()).collect();
            let wanted: Vec<String> = codes.iter().map(|code| format!("{code}\n")).collect();
            prop_assert_eq!(back, wanted);
        }
    }
}
