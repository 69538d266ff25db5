//! Expressions: the answer to a puzzle, read and computed exactly.

use super::{Number, Op};

/// The longest expression that is read, in bytes.
const MAX_BYTES: usize = 512;

/// The deepest nesting of parentheses that is read.
const MAX_DEPTH: usize = 32;

/// Why an expression has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// It is too long or too deep.
    #[error(
        "the expression is longer than `{MAX_BYTES}` bytes or deeper than `{MAX_DEPTH}` parentheses: shorten it"
    )]
    TooLarge,
    /// It is not an expression.
    #[error(
        "byte `{at}` of the expression is unexpected: use whole numbers, + - * / and parentheses"
    )]
    Syntax {
        /// Where, in bytes.
        at: usize,
    },
    /// It divides by zero, or a number in it does not fit 64 bits.
    #[error("the expression divides by zero or `overflows`: use other operations")]
    Undefined,
    /// It is followed by `=` and another number than its value.
    #[error("what follows `=` is not the value of the expression: write the expression alone")]
    Claim,
}

/// The value of an expression and its numbers, in ascending order.
///
/// Whole numbers, `+ - * /` with the usual precedence, `× · ÷ −`, parentheses and spaces; a final
/// `= 24` is allowed if true.
///
/// ```
/// use espalier_eval::countdown::answer_value;
/// let (value, numbers) = answer_value("((10 − 6) × 5) + 4").unwrap();
/// assert_eq!((value.to_string().as_str(), &numbers[..]), ("24", &[4, 5, 6, 10][..]));
/// assert!(answer_value("(1 + 2").is_err());
/// ```
///
/// # Errors
///
/// [`ExpressionError`] says why there is no value.
pub fn answer_value(expression: &str) -> Result<(Number, Vec<i64>), ExpressionError> {
    if expression.len() > MAX_BYTES {
        return Err(ExpressionError::TooLarge);
    }
    let mut reader = Reader { text: expression, at: 0, numbers: Vec::new() };
    let value = reader.sum(0)?;
    if reader.next() == Some('=') {
        reader.take('=');
        let (used, start) = (reader.numbers.len(), reader.at);
        let claimed = reader.sum(0)?;
        if reader.numbers.len() != used + 1 {
            return Err(ExpressionError::Syntax { at: start });
        }
        reader.numbers.pop();
        if claimed != value {
            return Err(ExpressionError::Claim);
        }
    }
    if reader.next().is_some() {
        return Err(reader.unexpected());
    }
    let mut numbers = reader.numbers;
    numbers.sort_unstable();
    Ok((value, numbers))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    numbers: Vec<i64>,
}

impl Reader<'_> {
    fn sum(&mut self, depth: usize) -> Result<Number, ExpressionError> {
        let mut value = self.product(depth)?;
        while let Some(op) = self.op(&[('+', Op::Add), ('-', Op::Sub), ('−', Op::Sub)]) {
            let right = self.product(depth)?;
            value = op.apply(value, right).ok_or(ExpressionError::Undefined)?;
        }
        Ok(value)
    }

    fn product(&mut self, depth: usize) -> Result<Number, ExpressionError> {
        const OPS: [(char, Op); 5] =
            [('*', Op::Mul), ('×', Op::Mul), ('·', Op::Mul), ('/', Op::Div), ('÷', Op::Div)];
        let mut value = self.factor(depth)?;
        while let Some(op) = self.op(&OPS) {
            let right = self.factor(depth)?;
            value = op.apply(value, right).ok_or(ExpressionError::Undefined)?;
        }
        Ok(value)
    }

    fn factor(&mut self, depth: usize) -> Result<Number, ExpressionError> {
        match self.next() {
            Some('(') if depth == MAX_DEPTH => Err(ExpressionError::TooLarge),
            Some('(') => {
                self.take('(');
                let value = self.sum(depth + 1)?;
                if self.next() != Some(')') {
                    return Err(self.unexpected());
                }
                self.take(')');
                Ok(value)
            }
            Some(digit) if digit.is_ascii_digit() => {
                let rest = &self.text[self.at..];
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let number = rest[..end].parse().map_err(|_| ExpressionError::Undefined)?;
                self.at += end;
                self.numbers.push(number);
                Ok(Number::from_integer(number))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn op(&mut self, ops: &[(char, Op)]) -> Option<Op> {
        let next = self.next()?;
        let (symbol, op) = ops.iter().find(|(symbol, _)| *symbol == next)?;
        self.take(*symbol);
        Some(*op)
    }

    /// The next character that is not a space.
    fn next(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, symbol: char) {
        self.at += symbol.len_utf8();
    }

    fn unexpected(&self) -> ExpressionError {
        ExpressionError::Syntax { at: self.at }
    }
}
