//! Calculator: exact arithmetic with fractions, roots and names.

use espalier_core::{
    Call, ModelError, Observation, ObservationStatus, Service, Ticket, Tool, ToolError,
};

use crate::grade::exact_value;

/// The longest expression that is read, in bytes.
const MAX_BYTES: usize = 1000;

/// A tool that computes an expression exactly: rational numbers, square roots, π, and polynomials in names.
///
/// ```
/// use espalier_eval::tools::Calculator;
/// assert_eq!(Calculator::compute("1/3 + 1/6").unwrap(), "1/2");
/// assert_eq!(Calculator::compute("(2^10 - 24) * 3").unwrap(), "3000");
/// assert!(Calculator::compute("1/0").unwrap_err().contains("`1/0`"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Calculator {
    next: u64,
    waiting: Vec<(Ticket, Call)>,
}

impl Calculator {
    /// The value of an expression.
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
}

impl Service for Calculator {
    type Ask = Call;
    type Reply = Result<Observation, ToolError>;

    fn submit(&mut self, call: Call) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.push((ticket, call));
        ticket
    }

    fn poll(&mut self) -> Vec<(Ticket, Result<Self::Reply, ModelError>)> {
        let answer = |call: &Call| {
            let (status, output) = match Self::compute(&call.input) {
                Ok(value) => (ObservationStatus::Ok, value),
                Err(why) => (ObservationStatus::Failed, why),
            };
            Observation { status, output, cpu_ns: 0 }
        };
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().map(|(ticket, call)| (ticket, Ok(Ok(answer(&call))))).collect()
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl Tool for Calculator {
    fn name(&self) -> &'static str {
        "calculator"
    }

    fn calls(&mut self) -> &mut dyn Service<Ask = Call, Reply = Result<Observation, ToolError>> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_exact() {
        let value = |text: &str| Calculator::compute(text).unwrap();
        assert_eq!(value("0.1 + 0.2"), "3/10");
        assert_eq!(value("2**100"), "1267650600228229401496703205376");
        assert_eq!(value("7 * 8 ="), "56");
    }

    #[test]
    fn what_has_no_value_says_so() {
        for text in ["", "1/0", "print(1)", "2 +", &"1+".repeat(1000)] {
            let error = Calculator::compute(text).unwrap_err();
            assert!(error.contains("give "), "{text}: {error}");
        }
    }
}
