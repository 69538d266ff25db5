//! Profiles: the formats in which models call tools and read what those left.

mod fenced;
mod printed;
mod react;

pub use fenced::Fenced;
pub use printed::Printed;
pub use react::{React, Reads};

/// How long output is cut. What is left out is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// This many characters of the beginning stay, followed by the mark.
    Head(usize, &'static str),
    /// This many characters of the beginning stay, and as many of the end; the mark stands between.
    Ends(usize, &'static str),
}

impl Cut {
    /// The text, cut where it is longer than what stays.
    ///
    /// ```
    /// use espalier_search::profiles::Cut;
    /// assert_eq!(Cut::Head(3, "…").of("abcd"), "abc…");
    /// assert_eq!(Cut::Ends(2, "...").of("abcdefg"), "ab...fg");
    /// assert_eq!(Cut::Ends(2, "...").of("abcd"), "abcd");
    /// ```
    #[must_use]
    pub fn of(self, text: &str) -> String {
        let head = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
        match self {
            Self::Head(n, mark) => {
                let end = head(n);
                if end == text.len() { text.to_owned() } else { format!("{}{mark}", &text[..end]) }
            }
            Self::Ends(n, mark) => {
                if head(2 * n) == text.len() {
                    return text.to_owned();
                }
                let tail = n.checked_sub(1).map_or(text.len(), |before| {
                    text.char_indices().rev().nth(before).map_or(0, |(at, _)| at)
                });
                format!("{}{mark}{}", &text[..head(n)], &text[tail..])
            }
        }
    }
}

/// What stands between the end of a model's turn and what it is shown next, where the turn ended with the call:
/// the observation is then a turn of the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// What begins the user's turn.
    pub begin: String,
    /// What ends it and begins the model's next.
    pub end: String,
}

/// An observation in its place: a turn of the user's where the model's has ended, and otherwise what follows in
/// the model's own text.
fn placed(ended: bool, turn: Option<&Turn>, text: &str) -> String {
    match turn.filter(|_| ended) {
        Some(Turn { begin, end }) => format!("{begin}{}{end}", text.trim_matches('\n')),
        None => text.to_owned(),
    }
}
