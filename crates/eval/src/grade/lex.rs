//! Tokens of an answer: LaTeX, plain text and mixtures of both, spelling differences gone.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero};

use super::fold::fold;

/// Longest answer looked at, bytes.
const MAX_BYTES: usize = 4096;
/// Largest exponent of `1.5e3`.
const MAX_EXPONENT: i32 = 10_000;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A decimal number; `places` after the point where it has one.
    Number { value: BigRational, places: Option<u32> },
    /// Letters.
    Word,
    /// A LaTeX command without its backslash.
    Command,
    /// The content of `\text{…}`.
    Text,
    /// Anything else. `⦃` and `⦄` are set braces, a newline ends a matrix row.
    Symbol(char),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// Whether a space stood before it.
    pub(super) spaced: bool,
}

impl Token {
    pub(super) fn is(&self, symbol: char) -> bool {
        self.kind == Kind::Symbol(symbol)
    }

    pub(super) fn is_command(&self, name: &str) -> bool {
        self.kind == Kind::Command && self.text == name
    }

    pub(super) fn is_letters(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Text)
    }
}

/// The tokens of an answer; `None` where it is too large to look at.
pub(super) fn lex(text: &str) -> Option<Vec<Token>> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut lexer = Lexer {
        chars: fold(text).chars().collect(),
        at: 0,
        tokens: Vec::new(),
        spaced: false,
        brackets: 0,
        pending: 0,
        groups: Vec::new(),
    };
    lexer.run()?;
    Some(join_degrees(lexer.tokens))
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    tokens: Vec<Token>,
    spaced: bool,
    /// Open `(`, `[` and set braces: inside them a comma separates.
    brackets: u32,
    /// Unbraced arguments `\frac` still takes: each is one digit or letter.
    pending: u8,
    /// `pending` outside each open group.
    groups: Vec<u8>,
}

impl Lexer {
    fn run(&mut self) -> Option<()> {
        while let Some(c) = self.peek(0) {
            if c.is_whitespace() || c == '~' {
                self.at += 1;
                self.spaced = true;
            } else if c.is_ascii_digit()
                || c == '.' && self.peek(1).is_some_and(|c| c.is_ascii_digit())
            {
                self.number()?;
            } else if c.is_alphabetic() {
                self.word();
            } else if c == '\\' {
                self.command();
            } else {
                let joined = match (c, self.peek(1)) {
                    ('<', Some('=')) => Some('≤'),
                    ('>', Some('=')) => Some('≥'),
                    ('!', Some('=')) => Some('≠'),
                    _ => None,
                };
                self.at += if joined.is_some() { 2 } else { 1 };
                self.symbol(joined.unwrap_or(c));
            }
        }
        Some(())
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn push(&mut self, kind: Kind, text: String) {
        let spaced = std::mem::take(&mut self.spaced);
        self.tokens.push(Token { kind, text, spaced });
    }

    fn symbol(&mut self, c: char) {
        match c {
            '(' | '[' | '⦃' => self.brackets += 1,
            ')' | ']' | '⦄' => self.brackets = self.brackets.saturating_sub(1),
            '{' => self.groups.push(std::mem::take(&mut self.pending)),
            '}' => self.pending = self.groups.pop().unwrap_or(0).saturating_sub(1),
            _ => {}
        }
        self.push(Kind::Symbol(c), c.to_string());
    }

    fn word(&mut self) {
        let limit = if self.pending > 0 { 1 } else { usize::MAX };
        self.pending = self.pending.saturating_sub(1);
        let mut text = String::new();
        while let Some(c) = self.peek(0).filter(|c| c.is_alphabetic()) {
            if text.chars().count() == limit {
                break;
            }
            text.push(c);
            self.at += 1;
        }
        // `1orx=2`: an answer, a word, and a name that is given another.
        let joiner = ["or", "and"]
            .into_iter()
            .find(|joiner| text.strip_prefix(joiner).is_some_and(|name| name.chars().count() == 1));
        let named = matches!(self.peek(0), Some('=' | '(' | '_')) && !self.spaced;
        let after =
            matches!(self.tokens.last().map(|token| &token.kind), Some(Kind::Number { .. }));
        if let Some(joiner) = joiner.filter(|_| named && after) {
            self.push(Kind::Word, joiner.to_owned());
            text.drain(..joiner.len());
        }
        self.push(Kind::Word, text);
    }

    fn digits(&mut self) -> String {
        let mut digits = String::new();
        while let Some(c) = self.peek(0).filter(char::is_ascii_digit) {
            digits.push(c);
            self.at += 1;
        }
        digits
    }

    fn number(&mut self) -> Option<()> {
        if self.pending > 0 && self.peek(0) != Some('.') {
            let digit = self.chars[self.at].to_string();
            self.at += 1;
            self.pending -= 1;
            let value = BigRational::from_integer(digit.parse().ok()?);
            self.push(Kind::Number { value, places: None }, digit);
            return Some(());
        }
        let mut whole = self.digits();
        whole.push_str(&self.thousands(&whole));
        let mut fraction = String::new();
        let mut repeating = String::new();
        let has_point = self.peek(0) == Some('.')
            && self.peek(1).is_some_and(|c| c.is_ascii_digit() || self.overline(1).is_some());
        if has_point {
            self.at += 1;
            fraction = self.digits();
            if let Some((digits, end)) = self.overline(0) {
                repeating = digits;
                self.at = end;
            }
        }
        let exponent = self.exponent()?;
        let digits: BigInt = format!("0{whole}{fraction}").parse().ok()?;
        let mut value = BigRational::from_integer(digits);
        if !fraction.is_empty() {
            value /= power_of_ten(fraction.len());
        }
        if !repeating.is_empty() {
            let nines = power_of_ten(repeating.len()) - BigInt::one();
            let tail: BigInt = repeating.parse().ok()?;
            value += BigRational::new(tail, nines * power_of_ten(fraction.len()));
        }
        if exponent != 0 {
            let shift = power_of_ten(exponent.unsigned_abs() as usize);
            value = if exponent < 0 { value / shift } else { value * shift };
        }
        let plain = exponent == 0 && repeating.is_empty() && has_point;
        let mut text = if whole.is_empty() { "0".to_owned() } else { whole };
        if has_point {
            text = format!("{text}.{fraction}");
        }
        if !repeating.is_empty() {
            text = format!("{text}({repeating})");
        }
        if exponent != 0 {
            text = format!("{text}e{exponent}");
        }
        let places = plain.then_some(fraction.len() as u32);
        self.pending = self.pending.saturating_sub(1);
        self.push(Kind::Number { value, places }, text);
        Some(())
    }

    /// The digits of `,234,567` after a leading group, if all groups are of three and commas are not
    /// those of a list.
    fn thousands(&mut self, first: &str) -> String {
        if first.is_empty() || first.len() > 3 || first.starts_with('0') {
            return String::new();
        }
        let start = self.at;
        let mut digits = String::new();
        while let Some((skip, plain_space)) = self.separator() {
            let group: String = self.chars[self.at + skip..]
                .iter()
                .take_while(|c| c.is_ascii_digit())
                .take(4)
                .collect();
            let after = self.peek(skip + 3);
            if group.len() != 3 || plain_space && after == Some('/') {
                if !plain_space && !group.is_empty() && self.peek(0) == Some(',') {
                    // `1,234,56` is a list, and so is all of it.
                    self.at = start;
                    return String::new();
                }
                break;
            }
            digits.push_str(&group);
            self.at += skip + 3;
        }
        digits
    }

    /// Length of a thousands separator here, and whether it is a plain space.
    fn separator(&self) -> Option<(usize, bool)> {
        let rest = &self.chars[self.at..];
        let is =
            |text: &str| rest.len() >= text.len() && text.chars().zip(rest).all(|(a, &b)| a == b);
        if is(",\\!") {
            let spaces = rest[3..].iter().take_while(|c| c.is_whitespace()).count();
            return Some((3 + spaces, false));
        }
        if is("{,}") {
            return Some((3, false));
        }
        if is("\\,") {
            return Some((2, false));
        }
        if self.brackets > 0 {
            return None;
        }
        match rest.first() {
            Some(',') => Some((1, false)),
            Some(' ') => Some((1, true)),
            _ => None,
        }
    }

    /// The digits of `\overline{3}`, and where it ends.
    fn overline(&self, ahead: usize) -> Option<(String, usize)> {
        let rest: &[char] = self.chars.get(self.at + ahead..)?;
        let open: Vec<char> = "\\overline{".chars().collect();
        let inside = rest.strip_prefix(&open[..])?;
        let digits: String = inside.iter().take_while(|c| c.is_ascii_digit()).collect();
        let closed = inside.get(digits.len()) == Some(&'}');
        (closed && !digits.is_empty())
            .then(|| (digits.clone(), self.at + ahead + open.len() + digits.len() + 1))
    }

    /// The exponent of `1.5e3`; 0 where there is none, `None` where it is too large.
    fn exponent(&mut self) -> Option<i32> {
        if !matches!(self.peek(0), Some('e' | 'E')) {
            return Some(0);
        }
        let signed = matches!(self.peek(1), Some('+' | '-'));
        let from = 1 + usize::from(signed);
        if !self.peek(from).is_some_and(|c| c.is_ascii_digit()) {
            return Some(0);
        }
        let negative = self.peek(1) == Some('-');
        self.at += from;
        let exponent: i32 = self.digits().parse().ok().filter(|e| *e <= MAX_EXPONENT)?;
        Some(if negative { -exponent } else { exponent })
    }

    fn command(&mut self) {
        self.at += 1;
        let Some(first) = self.peek(0) else { return };
        if !first.is_ascii_alphabetic() {
            self.at += 1;
            match first {
                '{' => self.symbol('⦃'),
                '}' => self.symbol('⦄'),
                '\\' => self.symbol('\n'),
                '$' | '%' | '&' | '#' | '_' | '|' => self.symbol(first),
                ',' | ';' | ':' | ' ' | '\n' => self.spaced = true,
                _ => {} // `\!`, `\(`, `\[` and their ends
            }
            return;
        }
        let mut name = String::new();
        while let Some(c) = self.peek(0).filter(char::is_ascii_alphabetic) {
            name.push(c);
            self.at += 1;
        }
        // `\quadx` is no command, but a space and a name.
        let space = ["qquad", "quad"].into_iter().find(|space| name.starts_with(space));
        if let Some(space) = space {
            self.at -= name.len() - space.len();
            name.truncate(space.len());
        }
        match name.as_str() {
            "left" | "right" | "big" | "Big" | "bigl" | "bigr" | "Bigl" | "Bigr"
            | "displaystyle" | "limits" | "boxed" | "fbox" | "ensuremath" => {
                if self.peek(0) == Some('.') && matches!(name.as_str(), "left" | "right") {
                    self.at += 1;
                }
            }
            "quad" | "qquad" | "space" | "thinspace" => self.spaced = true,
            "times" | "cdot" | "ast" => self.symbol('*'),
            "div" => self.symbol('/'),
            "le" | "leq" | "leqslant" => self.symbol('≤'),
            "ge" | "geq" | "geqslant" => self.symbol('≥'),
            "lt" => self.symbol('<'),
            "gt" => self.symbol('>'),
            "ne" | "neq" => self.symbol('≠'),
            "cup" => self.symbol('∪'),
            "pm" => self.symbol('±'),
            "infty" => self.push(Kind::Word, "∞".to_owned()),
            "pi" => self.push(Kind::Word, "π".to_owned()),
            "in" => self.symbol('∈'),
            "circ" | "degree" | "degrees" => self.symbol('°'),
            "lbrace" => self.symbol('⦃'),
            "rbrace" => self.symbol('⦄'),
            "frac" | "dfrac" | "tfrac" | "cfrac" => {
                self.push(Kind::Command, "frac".to_owned());
                self.pending = 2;
            }
            "text" | "textbf" | "textit" | "textrm" | "textnormal" | "mbox" | "mathrm"
            | "mathbf" | "operatorname" | "hbox" => {
                let text = self.group();
                self.push(Kind::Text, text);
            }
            "begin" | "end" => {
                let environment = self.group();
                if environment == "array" {
                    self.group(); // the column layout
                }
                self.push(Kind::Command, name);
            }
            _ => self.push(Kind::Command, name),
        }
    }

    /// The raw text of the braced group here; empty without one.
    fn group(&mut self) -> String {
        let mut at = self.at;
        while self.chars.get(at) == Some(&' ') {
            at += 1;
        }
        if self.chars.get(at) != Some(&'{') {
            return String::new();
        }
        let mut depth = 0_u32;
        let mut text = String::new();
        while let Some(&c) = self.chars.get(at) {
            at += 1;
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => text.push(c),
            }
            if depth == 0 {
                break;
            }
        }
        self.at = at;
        text.trim().to_owned()
    }
}

fn power_of_ten(exponent: usize) -> BigInt {
    if exponent.is_zero() { BigInt::one() } else { BigInt::from(10).pow(exponent as u32) }
}

/// `^\circ` and `^{\circ}` as one degree sign.
fn join_degrees(tokens: Vec<Token>) -> Vec<Token> {
    let mut joined: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let braced = token.is('}')
            && matches!(&joined[..], [.., hat, brace, degree]
                if hat.is('^') && brace.is('{') && degree.is('°'));
        if braced {
            joined.truncate(joined.len() - 3);
            joined.push(Token { kind: Kind::Symbol('°'), text: "°".to_owned(), spaced: false });
        } else if token.is('°') && joined.last().is_some_and(|last| last.is('^')) {
            joined.pop();
            joined.push(token);
        } else {
            joined.push(token);
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        lex(text).unwrap().into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn thousands_and_lists() {
        assert_eq!(texts("1,234,567.5"), ["1234567.5"]);
        assert_eq!(texts(r"11,\! 111,\! 111,\! 100"), ["11111111100"]);
        assert_eq!(texts(r"12\,345\,678"), ["12345678"]);
        assert_eq!(texts("10{,}080"), ["10080"]);
        assert_eq!(texts("1 000"), ["1000"]);
        assert_eq!(texts("1, 234"), ["1", ",", "234"]);
        assert_eq!(texts("1,2345"), ["1", ",", "2345"]);
        assert_eq!(texts("1,234,56"), ["1", ",", "234", ",", "56"]);
        assert_eq!(texts("(1,234)"), ["(", "1", ",", "234", ")"]);
        assert_eq!(texts("3 100/200"), ["3", "100", "/", "200"]);
    }

    #[test]
    fn fractions_take_single_digits() {
        assert_eq!(texts(r"\frac12"), ["frac", "1", "2"]);
        assert_eq!(texts(r"\dfrac9{19}"), ["frac", "9", "{", "19", "}"]);
        assert_eq!(texts(r"\frac{270}7\text{ degrees}"), ["frac", "{", "270", "}", "7", "degrees"]);
        assert_eq!(texts(r"\frac{1}{23} 45"), ["frac", "{", "1", "}", "{", "23", "}", "45"]);
    }

    #[test]
    fn dollars() {
        assert_eq!(texts("$18$"), ["18"]);
        assert_eq!(texts("$18"), ["$", "18"]);
        assert_eq!(texts(r"\$18.90"), ["$", "18.90"]);
        assert_eq!(texts(r"$\$5$"), ["$", "5"]);
        assert_eq!(texts("90^{\\circ}"), ["90", "°"]);
    }

    #[test]
    fn too_large_is_not_looked_at() {
        assert!(lex(&"1".repeat(MAX_BYTES + 1)).is_none());
        assert!(lex("1e99999").is_none());
        assert!(lex("1e99999999999999999999").is_none());
    }
}
