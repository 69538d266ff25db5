//! SPDX licence expressions: is there a way to comply with permissive licences only?

/// The word an expression stops making sense at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

/// Returns true if and only if `expression` can be met with licences that `allowed` accepts.
///
/// `OR` needs one side, `AND` both; `AND` binds tighter. `WITH` and its exception only add permissions.
/// The old slash of Cargo manifests means `OR`.
pub(super) fn satisfiable(
    expression: &str,
    allowed: &dyn Fn(&str) -> bool,
) -> Result<bool, Malformed> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut parser = Parser { words: spaced.split_whitespace().collect(), at: 0, allowed };
    let result = parser.any()?;
    match parser.peek() {
        None => Ok(result),
        Some(word) => Err(Malformed(word.to_owned())),
    }
}

struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Result<&'a str, Malformed> {
        let word = self.peek().ok_or_else(|| Malformed("the end".to_owned()))?;
        self.at += 1;
        Ok(word)
    }

    /// Takes `word` if it comes next.
    fn take(&mut self, word: &str) -> bool {
        let comes = self.peek().is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(comes);
        comes
    }

    fn any(&mut self) -> Result<bool, Malformed> {
        let mut result = self.all()?;
        while self.take("OR") {
            // Not `||`: the right side must be read whatever the left side is.
            result |= self.all()?;
        }
        Ok(result)
    }

    fn all(&mut self) -> Result<bool, Malformed> {
        let mut result = self.one()?;
        while self.take("AND") {
            result &= self.one()?;
        }
        Ok(result)
    }

    fn one(&mut self) -> Result<bool, Malformed> {
        let word = self.next()?;
        match word.to_ascii_uppercase().as_str() {
            "(" => {
                let result = self.any()?;
                if self.take(")") {
                    Ok(result)
                } else {
                    Err(Malformed(self.peek().unwrap_or("the end").to_owned()))
                }
            }
            ")" | "OR" | "AND" | "WITH" => Err(Malformed(word.to_owned())),
            _ => {
                if self.take("WITH") {
                    self.next()?;
                }
                Ok((self.allowed)(word))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meets(expression: &str) -> Result<bool, Malformed> {
        satisfiable(expression, &|licence| matches!(licence, "MIT" | "Apache-2.0" | "ISC"))
    }

    #[test]
    fn or_needs_one_side_and_needs_both() {
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("GPL-3.0 OR MIT", true),
            ("MIT OR GPL-3.0", true),
            ("MIT AND GPL-3.0", false),
            ("MIT AND ISC", true),
            ("MIT/Apache-2.0", true),
            ("GPL-2.0 / MIT", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("GPL-2.0 WITH Classpath-exception-2.0", false),
            ("(MIT OR GPL-3.0) AND ISC", true),
            ("(MIT OR ISC) AND GPL-3.0", false),
            // AND binds tighter: MIT OR (GPL AND GPL).
            ("MIT OR GPL-3.0 AND GPL-2.0", true),
            ("GPL-3.0 AND GPL-2.0 OR MIT", true),
        ] {
            assert_eq!(meets(expression), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        for expression in ["", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH"] {
            assert!(meets(expression).is_err(), "{expression}");
        }
    }
}
