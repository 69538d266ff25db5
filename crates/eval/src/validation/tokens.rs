//! Tokens: a line of prose and mathematics, as far as arithmetic needs it.

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A decimal number without its thousands' commas, how many places it prints, and whether it is money.
    Number { text: String, places: u32, money: bool },
    /// `+`, `-`, `*`, `/` or `^`.
    Op(char),
    /// An opening parenthesis that is closed in the line.
    Open,
    /// Its closing one.
    Close,
    /// A word of two letters or more, in lower case: perhaps a unit.
    Word(String),
    /// What no arithmetic here reads: a variable, a function, a percentage, a time of day.
    Name,
    /// An equals sign.
    Equals,
    /// Punctuation, a comparison, the edge of a formula: no expression goes over it.
    Break,
}

/// The tokens of a line. A bullet at its start is none.
pub(super) fn tokens(line: &str) -> Vec<Token> {
    let line = ["- ", "* ", "• ", "+ "]
        .iter()
        .find_map(|bullet| line.strip_prefix(bullet))
        .unwrap_or(line);
    let mut lexer = Lexer { chars: line.chars().collect(), at: 0, tokens: Vec::new() };
    lexer.run();
    pair(lexer.tokens)
}

/// Parentheses without their other half become breaks.
fn pair(mut tokens: Vec<Token>) -> Vec<Token> {
    let (mut open, mut alone) = (Vec::new(), Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Open => open.push(at),
            Token::Close if open.pop().is_none() => alone.push(at),
            _ => {}
        }
    }
    for at in open.into_iter().chain(alone) {
        tokens[at] = Token::Break;
    }
    tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn digit(&self, ahead: usize) -> bool {
        self.peek(ahead).is_some_and(|c| c.is_ascii_digit())
    }

    /// Returns true if and only if an operand has just ended.
    fn after_operand(&self) -> bool {
        matches!(self.tokens.last(), Some(Token::Number { .. } | Token::Close))
    }

    /// Returns true if and only if an operand has just ended, perhaps with its unit.
    fn after_quantity(&self) -> bool {
        let mut before =
            self.tokens.iter().rev().skip_while(|token| matches!(token, Token::Word(_)));
        matches!(before.next(), Some(Token::Number { .. } | Token::Close))
    }

    fn run(&mut self) {
        while let Some(c) = self.peek(0) {
            let token = match c {
                _ if c.is_whitespace() || c == '$' => None,
                _ if c.is_ascii_digit() || c == '.' && self.digit(1) => {
                    self.number();
                    continue;
                }
                _ if c.is_alphabetic() => {
                    self.word();
                    continue;
                }
                '\\' => {
                    self.command();
                    continue;
                }
                '*' if self.peek(1) == Some('*') => {
                    self.at += 1;
                    // Two asterisks are a power, or they set type.
                    let power =
                        self.after_operand() && (self.digit(1) || self.peek(1) == Some('('));
                    power.then_some(Token::Op('^'))
                }
                '*' | '×' | '·' | '⋅' | '∗' => Some(Token::Op('*')),
                '+' | '/' | '^' => Some(Token::Op(c)),
                '-' | '−' | '–' => Some(Token::Op('-')),
                '÷' => Some(Token::Op('/')),
                '(' => Some(Token::Open),
                ')' => Some(Token::Close),
                '<' | '>' | '!' | '≠' | '≤' | '≥' if self.peek(1) == Some('=') => {
                    self.at += 1;
                    Some(Token::Break)
                }
                '=' if matches!(self.peek(1), Some('>')) => {
                    self.at += 1;
                    Some(Token::Break)
                }
                '=' => {
                    self.at += usize::from(self.peek(1) == Some('='));
                    Some(Token::Equals)
                }
                '%' | '!' => Some(Token::Name),
                _ => Some(Token::Break),
            };
            self.at += 1;
            self.tokens.extend(token);
        }
    }

    fn number(&mut self) {
        let money = self.at > 0 && self.chars[self.at - 1] == '$';
        let (mut text, mut places) = (String::new(), 0);
        loop {
            let thousands = self.peek(0) == Some(',')
                && !text.is_empty()
                && (1..=3).all(|ahead| self.digit(ahead))
                && !self.digit(4);
            match self.peek(0) {
                Some(c) if c.is_ascii_digit() => text.push(c),
                Some(',') if thousands => {}
                _ => break,
            }
            self.at += 1;
        }
        if self.peek(0) == Some('.') && self.digit(1) {
            text.push_str(if text.is_empty() { "0." } else { "." });
            self.at += 1;
            while let Some(c) = self.peek(0).filter(char::is_ascii_digit) {
                text.push(c);
                places += 1;
                self.at += 1;
            }
        }
        let joined = matches!(self.peek(0), Some(':' | '.')) && self.digit(1);
        let times = matches!(self.peek(0), Some('x' | 'X')) && self.digit(1);
        let attached = self.peek(0).is_some_and(|c| c.is_alphabetic() || c == '%') && !times;
        self.tokens.push(if joined || attached {
            // `10th`, `2x`, `20%`, `5:30`: all of it is one name.
            while self.peek(0).is_some_and(|c| c.is_alphanumeric() || ":.%".contains(c)) {
                self.at += 1;
            }
            Token::Name
        } else {
            Token::Number { text, places, money }
        });
        if times {
            self.tokens.push(Token::Op('*'));
            self.at += 1;
        }
    }

    fn word(&mut self) {
        let start = self.at;
        while self.peek(0).is_some_and(|c| c.is_alphanumeric() || c == '\'' || c == '’') {
            self.at += 1;
        }
        let word: String = self.chars[start..self.at].iter().collect();
        let next = self.chars[self.at..].iter().find(|c| !c.is_whitespace());
        let operand = next.is_some_and(|c| c.is_ascii_digit() || "$.(".contains(*c));
        self.tokens.push(match word.as_str() {
            "x" | "X" if self.after_quantity() && operand => Token::Op('*'),
            "a" | "A" | "I" => Token::Word(word),
            _ if self.peek(0) == Some('(') || word.chars().count() == 1 => Token::Name,
            _ => Token::Word(word.to_lowercase()),
        });
    }

    /// What a backslash begins.
    fn command(&mut self) {
        self.at += 1;
        let start = self.at;
        while self.peek(0).is_some_and(|c| c.is_ascii_alphabetic()) {
            self.at += 1;
        }
        let name: String = self.chars[start..self.at].iter().collect();
        match name.as_str() {
            "times" | "cdot" | "ast" => self.tokens.push(Token::Op('*')),
            "div" => self.tokens.push(Token::Op('/')),
            "left" | "right" | "quad" | "displaystyle" => {}
            "frac" | "dfrac" | "tfrac" => {
                let parts = self.group().and_then(|over| Some((over, self.group()?)));
                let Some((over, under)) = parts else { return self.tokens.push(Token::Name) };
                self.tokens.push(Token::Open);
                self.nested(over);
                self.tokens.push(Token::Op('/'));
                self.nested(under);
                self.tokens.push(Token::Close);
            }
            "boxed" | "fbox" => match self.group() {
                Some(group) => self.nested(group),
                None => self.tokens.push(Token::Name),
            },
            "text" | "textbf" | "mathrm" => {
                let words = self.group().unwrap_or_default();
                let words: String = words.into_iter().collect();
                let word = |word: &str| Token::Word(word.to_lowercase());
                self.tokens.extend(words.split_whitespace().map(word));
            }
            "" => {
                // `\$` and spaces say nothing; `\(`, `\]` and others are the edges of formulas.
                let silent = self.peek(0).is_some_and(|c| "$,;! ".contains(c));
                self.tokens.extend((!silent).then_some(Token::Break));
                self.at += usize::from(self.peek(0) != Some('$'));
            }
            _ => self.tokens.push(Token::Name),
        }
    }

    fn nested(&mut self, chars: Vec<char>) {
        let mut inner = Self { chars, at: 0, tokens: Vec::new() };
        inner.run();
        self.tokens.push(Token::Open);
        self.tokens.append(&mut inner.tokens);
        self.tokens.push(Token::Close);
    }

    /// The inside of the braces that begin here, which are passed over; `None` where none do.
    fn group(&mut self) -> Option<Vec<char>> {
        if self.peek(0) != Some('{') {
            return None;
        }
        let mut depth = 0;
        let end = self.chars[self.at..].iter().position(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth == 0
        })?;
        let inside = self.chars[self.at + 1..self.at + end].to_vec();
        self.at += end + 1;
        Some(inside)
    }
}
