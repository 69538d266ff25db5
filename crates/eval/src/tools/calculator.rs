//! Calculator: exact arithmetic with fractions, roots and names.

use espalier_core::{Call, ImmediateTool, Observation, Tool};

use crate::grade::exact_value;

/// The longest expression that is read, in bytes.
const MAX_BYTES: usize = 1000;

/// A tool that computes an expression exactly, as [`compute`] does.
pub fn calculator() -> impl Tool + std::fmt::Debug {
    ImmediateTool::new("calculator", |call: &Call| {
        Ok(match compute(&call.input) {
            Ok(value) => Observation::ok(value),
            Err(why) => Observation::failed(why),
        })
    })
}

/// The value of an expression: rational numbers, square roots, π, and polynomials in names.
///
/// ```
/// use espalier_eval::tools::compute;
/// assert_eq!(compute("1/3 + 1/6").unwrap(), "1/2");
/// assert_eq!(compute("(2^10 - 24) * 3").unwrap(), "3000");
/// assert!(compute("1/0").unwrap_err().contains("`1/0`"));
/// ```
///
/// # Errors
///
/// What to tell whoever wrote what is no expression, has no value, or is too large.
pub fn compute(expression: &str) -> Result<String, String> {
    let text = expression.trim().trim_end_matches('=').trim();
    if text.len() > MAX_BYTES {
        return Err(format!("an expression of {} bytes; give at most {MAX_BYTES}", text.len()));
    }
    exact_value(&text.replace("**", "^")).ok_or_else(|| {
        format!("`{text}` has no exact value; give numbers, + - * / ^, sqrt() and parentheses")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_exact() {
        let value = |text: &str| compute(text).unwrap();
        assert_eq!(value("0.1 + 0.2"), "3/10");
        assert_eq!(value("2**100"), "1267650600228229401496703205376");
        assert_eq!(value("7 * 8 ="), "56");
    }

    #[test]
    fn what_has_no_value_says_so() {
        for text in ["", "1/0", "print(1)", "2 +", &"1+".repeat(1000)] {
            let error = compute(text).unwrap_err();
            assert!(error.contains("give "), "{text}: {error}");
        }
    }
}
