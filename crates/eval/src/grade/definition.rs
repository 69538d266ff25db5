//! Definitions: `f(x) = x^2` says of a function what `f(t) = t^2` says.

use super::lex::{Kind, Token};
use super::shape::{Reading, reading};
use crate::dataset::AnswerForm;

/// What stands for the variable: no token has it.
const VARIABLE: char = '\u{1}';

/// A function and its value, the variable without its name.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) function: String,
    pub(super) value: Box<Reading>,
}

/// What an assignment defines; `None` where its left side is no function of a variable, or the variable cannot be told
/// from other letters.
pub(super) fn definition(
    name: &[Token],
    tokens: &[Token],
    form: AnswerForm,
    depth: u32,
) -> Option<Definition> {
    let [function, open, variable, close] = name else { return None };
    if !open.is('(') || !close.is(')') || variable.kind != Kind::Word {
        return None;
    }
    let variable = variable.text.as_str();
    // These may be numbers, whatever stands on the left; and a function of this name would be one of itself.
    if matches!(variable, "e" | "i" | "π") || function.text == variable {
        return None;
    }
    let renamed = |token: &Token| match token.kind {
        Kind::Word if token.text == variable => {
            Some(Token { text: VARIABLE.to_string(), ..token.clone() })
        }
        Kind::Word | Kind::Text if token.text.contains(variable) => None,
        _ => Some(token.clone()),
    };
    let renamed: Vec<Token> = tokens.iter().map(renamed).collect::<Option<_>>()?;
    let value = Box::new(reading(&renamed, form, depth + 1));
    Some(Definition { function: function.text.clone(), value })
}
