//! Expressions: from tokens to an exact value.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive};

use super::call::{choose, is_function, is_letter};
use super::lex::{Kind, Token};
use super::poly::Beyond;
use super::quotient::Quotient;

/// Deepest nesting looked at.
const MAX_DEPTH: u32 = 64;
/// Largest number whose factorial is computed.
const MAX_FACTORIAL: u32 = 100;

/// The value of an expression that takes up all of `tokens`.
pub(super) fn value(tokens: &[Token]) -> Result<Quotient, Beyond> {
    let mut parser = Parser::of(tokens);
    let value = parser.sum()?;
    if parser.at == tokens.len() { Ok(value) } else { Err(Beyond) }
}

pub(super) struct Parser<'a> {
    pub(super) tokens: &'a [Token],
    pub(super) at: usize,
    depth: u32,
    /// Whether a bar closes an absolute value.
    bars: bool,
    /// Whether this is an angle, which may be in degrees.
    pub(super) angles: bool,
    /// Whether this is the index of a member of a sequence, where `i` is a name.
    pub(super) subscript: bool,
    /// The indices of the sums around, outermost first.
    pub(super) bound: Vec<char>,
}

impl<'a> Parser<'a> {
    fn of(tokens: &'a [Token]) -> Self {
        let bound = Vec::new();
        Self { tokens, at: 0, depth: 0, bars: false, angles: false, subscript: false, bound }
    }

    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn take(&mut self, symbol: char) -> bool {
        let found = self.peek().is_some_and(|token| token.is(symbol));
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, symbol: char) -> Result<(), Beyond> {
        if self.take(symbol) { Ok(()) } else { Err(Beyond) }
    }

    pub(super) fn sum(&mut self) -> Result<Quotient, Beyond> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Beyond);
        }
        let mut sum = self.product()?;
        loop {
            if self.take('+') {
                sum = sum.add(&self.product()?)?;
            } else if self.take('-') {
                sum = sum.add(&self.product()?.negate())?;
            } else {
                self.depth -= 1;
                return Ok(sum);
            }
        }
    }

    pub(super) fn product(&mut self) -> Result<Quotient, Beyond> {
        let mut product = self.signed()?;
        loop {
            if self.take('*') {
                product = product.multiply(&self.signed()?)?;
            } else if self.take('/') {
                product = product.divide(&self.signed()?)?;
                if self.begins_factor() {
                    return Err(Beyond); // `1/2x` may mean either
                }
            } else if self.begins_factor() {
                product = product.multiply(&self.power()?)?;
            } else {
                return Ok(product);
            }
        }
    }

    /// Whether a factor follows without an operator. A number may not: `2 3` is not a product.
    fn begins_factor(&self) -> bool {
        self.peek().is_some_and(|token| match token.kind {
            Kind::Word => true,
            Kind::Command => {
                matches!(token.text.as_str(), "frac" | "sqrt" | "binom")
                    || is_function(token)
                    || is_letter(token)
            }
            // `2|x|`; after a name it may be a bar of other kinds.
            Kind::Symbol('|') => !self.bars && matches!(self.before(), Some(Kind::Number { .. })),
            Kind::Symbol(symbol) => symbol == '(' || symbol == '{',
            Kind::Number { .. } | Kind::Text => false,
        })
    }

    fn before(&self) -> Option<&Kind> {
        Some(&self.tokens.get(self.at.checked_sub(1)?)?.kind)
    }

    fn signed(&mut self) -> Result<Quotient, Beyond> {
        let mut negative = false;
        loop {
            if self.take('-') {
                negative = !negative;
            } else if !self.take('+') {
                let power = self.power()?;
                return Ok(if negative { power.negate() } else { power });
            }
        }
    }

    fn power(&mut self) -> Result<Quotient, Beyond> {
        let mut base = self.atom()?;
        while self.take('!') {
            base = factorial(&base)?;
        }
        base = self.in_degrees(base)?;
        if !self.take('^') {
            return Ok(base);
        }
        let negative = self.take('-');
        let exponent = self.atom()?;
        let exponent = if negative { exponent.negate() } else { exponent };
        // `2^3^2` and `2^3!` are left alone.
        if self.peek().is_some_and(|token| token.is('^') || token.is('!')) {
            return Err(Beyond);
        }
        base.power(&exponent)
    }

    pub(super) fn atom(&mut self) -> Result<Quotient, Beyond> {
        let token = self.peek().ok_or(Beyond)?;
        self.at += 1;
        match &token.kind {
            Kind::Number { value, places } => {
                let whole = places.is_none() && value.is_integer();
                let mixed = if whole { self.mixed_part() } else { None };
                let value = mixed.map_or_else(|| value.clone(), |part| value + part);
                Ok(Quotient::rational(value))
            }
            Kind::Word => self.word(&token.text),
            Kind::Command => match token.text.as_str() {
                "frac" => {
                    let over = self.argument()?;
                    let under = self.argument()?;
                    over.divide(&under)
                }
                "sqrt" => self.radical(),
                "binom" => {
                    let all = self.argument()?;
                    choose(&all, &self.argument()?)
                }
                _ if is_letter(token) && self.peek().is_some_and(|next| next.is('_')) => {
                    Err(Beyond)
                }
                _ if is_letter(token) => Ok(Quotient::name(&format!("\\{}", token.text))),
                name if is_function(token) => self.nested(|parser| parser.call(name)),
                _ => Err(Beyond),
            },
            Kind::Symbol('(') => {
                let outer = std::mem::replace(&mut self.bars, false);
                let inside = self.sum()?;
                self.bars = outer;
                self.expect(')')?;
                Ok(inside)
            }
            Kind::Symbol('|') if !self.bars => {
                self.bars = true;
                let inside = self.sum()?;
                self.bars = false;
                self.expect('|')?;
                inside.absolute()
            }
            Kind::Symbol('{') => {
                let inside = self.sum()?;
                self.expect('}')?;
                Ok(inside)
            }
            Kind::Symbol(_) | Kind::Text => Err(Beyond),
        }
    }

    /// Reads what is one level deeper.
    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Quotient, Beyond>,
    ) -> Result<Quotient, Beyond> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Beyond);
        }
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// One argument of a command: a group, a number or a letter.
    fn argument(&mut self) -> Result<Quotient, Beyond> {
        self.nested(|parser| {
            let token = parser.peek().ok_or(Beyond)?;
            if let Kind::Number { value, .. } = &token.kind {
                parser.at += 1;
                Ok(Quotient::rational(value.clone()))
            } else {
                parser.atom()
            }
        })
    }

    fn radical(&mut self) -> Result<Quotient, Beyond> {
        let mut degree = 2;
        if self.take('[') {
            let Some(Kind::Number { value, .. }) = self.peek().map(|token| &token.kind) else {
                return Err(Beyond);
            };
            degree = value.is_integer().then(|| value.to_u32()).flatten().ok_or(Beyond)?;
            if degree > 16 {
                return Err(Beyond);
            }
            self.at += 1;
            self.expect(']')?;
        }
        self.argument()?.root(degree)
    }

    /// The proper fraction that follows a whole number, as in `3\frac12` and `3 1/2`.
    fn mixed_part(&mut self) -> Option<BigRational> {
        let start = self.at;
        let part = self.fraction();
        let proper = part.filter(|part| part.is_positive() && *part < BigRational::one());
        if proper.is_none() {
            self.at = start;
        }
        proper
    }

    fn fraction(&mut self) -> Option<BigRational> {
        let token = self.peek()?;
        if token.is_command("frac") {
            self.at += 1;
            let over = self.argument().ok()?.constant().filter(BigRational::is_integer)?;
            let under = self.argument().ok()?.constant().filter(BigRational::is_integer)?;
            return (under != BigRational::from_integer(BigInt::ZERO)).then(|| over / under);
        }
        let [over, slash, under, ..] = &self.tokens[self.at..] else { return None };
        match (&over.kind, &under.kind) {
            (
                Kind::Number { value: over, places: None },
                Kind::Number { value: under, places: None },
            ) if slash.is('/') && under.is_positive() => {
                self.at += 3;
                Some(over / under)
            }
            _ => None,
        }
    }

    fn word(&mut self, word: &str) -> Result<Quotient, Beyond> {
        if self.peek().is_some_and(|next| next.is('_')) {
            return self.subscripted(word);
        }
        match word {
            "pi" | "π" => Ok(Quotient::name("π")),
            "sqrt" => self.radical(),
            "ln" | "log" | "exp" | "sin" | "cos" | "tan" | "sec" | "csc" | "cot" | "arcsin"
            | "arccos" | "arctan" => self.nested(|parser| parser.call(word)),
            "mod" | "and" | "or" | "to" | "of" | "no" | "yes" => Err(Beyond),
            _ if word.chars().count() <= 3 => {
                let letters: Vec<char> = word.chars().collect();
                if let [letter] = letters[..] {
                    return Ok(self.letter(letter));
                }
                let mut product = Quotient::whole(1);
                let power_follows = self.peek().is_some_and(|next| next.is('^') || next.is('!'));
                if power_follows && letters.len() > 1 {
                    return self.last_letter_raised(&letters);
                }
                for letter in letters {
                    product = product.multiply(&self.letter(letter))?;
                }
                Ok(product)
            }
            _ => Err(Beyond),
        }
    }

    /// `xy^2` is x·y².
    fn last_letter_raised(&mut self, letters: &[char]) -> Result<Quotient, Beyond> {
        let (last, before) = letters.split_last().ok_or(Beyond)?;
        self.expect('^')?;
        let negative = self.take('-');
        let exponent = self.atom()?;
        let exponent = if negative { exponent.negate() } else { exponent };
        if self.peek().is_some_and(|token| token.is('^') || token.is('!')) {
            return Err(Beyond);
        }
        let mut product = self.letter(*last).power(&exponent)?;
        for &letter in before {
            product = product.multiply(&self.letter(letter))?;
        }
        Ok(product)
    }
}

fn factorial(value: &Quotient) -> Result<Quotient, Beyond> {
    let value = value.constant().filter(BigRational::is_integer).ok_or(Beyond)?;
    let n = value.to_u32().filter(|&n| n <= MAX_FACTORIAL).ok_or(Beyond)?;
    let product = (2..=n).fold(BigInt::one(), |product, factor| product * factor);
    Ok(Quotient::rational(BigRational::from_integer(product)))
}

#[cfg(test)]
mod tests {
    use super::super::lex::lex;
    use super::*;

    fn read(text: &str) -> Option<String> {
        value(&lex(text)?).ok()?.canonical()
    }

    #[test]
    fn rational_spellings() {
        for (text, expected) in [
            ("-5", "-5"),
            ("+5", "5"),
            (".5", "1/2"),
            ("2/4", "1/2"),
            (r"\frac12", "1/2"),
            (r"\frac 1 2", "1/2"),
            (r"\tfrac{1}{2}", "1/2"),
            (r"-\frac{1}{2}", "-1/2"),
            (r"\frac{-1}2", "-1/2"),
            (r"3\frac12", "7/2"),
            ("3 1/2", "7/2"),
            ("-3 1/2", "-7/2"),
            ("3½", "7/2"),
            (r"0.\overline{3}", "1/3"),
            (r"0.1\overline{6}", "1/6"),
            ("1.5e3", "1500"),
            (r"1.5\times10^{-3}", "3/2000"),
            ("2^{-1}", "1/2"),
            ("-2^2", "-4"),
            ("(9+1)*2", "20"),
            ("5!", "120"),
            ("007", "7"),
            ("1,234.50", "2469/2"),
            (r"\sqrt{16}", "4"),
            (r"\sqrt[3]{27}", "3"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn polynomials_expand() {
        assert_eq!(read("(a+5)(b+2)"), read("ab+2a+5b+10"));
        assert_eq!(read(r"\frac{x+2}{7}"), read(r"\frac{x}{7}+\frac{2}{7}"));
        assert_eq!(read(r"11\sqrt2"), read(r"\sqrt{242}"));
        assert_eq!(read(r"\frac{1}{\sqrt3}"), read(r"\frac{\sqrt{3}}{3}"));
        assert_eq!(read("xy^2"), read("y x y"));
        assert_eq!(read("(1+i)^2"), read("2i"));
        assert_eq!(read(r"\frac94\pi"), read(r"9\pi/4"));
        assert_ne!(read(r"22/7"), read(r"\pi"));
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        for text in [
            "",
            "2 3",
            "1/2x",
            "1/0",
            "2^3^2",
            "52_8",
            "(1",
            "1)",
            "eggs",
            "9^9^9",
            "10^100000",
            "1--",
            r"\frac{1}",
            r"\sin x^2",
            r"\sin x/2",
            r"\sin^{-1} x",
            r"\tan 90^\circ",
            r"\ln 0",
            r"\ln(-2)",
            "(-8)^{1/3}",
            "(-2)^x",
            r"\sum_{k=1}^{n} k + 1",
            r"\frac{1}{\sqrt{5+2\sqrt6}-\sqrt2-\sqrt3}",
            "|x",
            "||x||",
            "101!",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"(".repeat(3000)), None);
        assert_eq!(read(&r"\sqrt".repeat(700)), None);
        assert_eq!(read(&r"\frac".repeat(700)), None);
        assert_eq!(read(&"(x+y+z+a+b+c)".repeat(100)), None);
    }
}
