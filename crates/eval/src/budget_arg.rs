//! Budgets as the command line writes them: `tokens=20000,flops=1e12`.

use espalier_core::{Axis, Budget};

/// The names of the axes, and how many of core's units one of the written units is.
const AXES: [(&str, Axis, u32); 7] = [
    ("tokens", Axis::Generated, 0),
    ("scored", Axis::Scored, 0),
    ("computed", Axis::Computed, 0),
    ("calls", Axis::Calls, 0),
    ("flops", Axis::Flops, 0),
    ("usd", Axis::NanoUsd, 9),
    ("seconds", Axis::Nanoseconds, 9),
];

/// Why a written budget means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetError {
    /// A part has no `=`.
    #[error("budget `{part}` has no amount: write `axis=amount`, such as `tokens=20000`")]
    NoAmount {
        /// The part between commas.
        part: String,
    },
    /// The axis does not exist.
    #[error(
        "budget axis `{axis}` does not exist: use tokens, scored, computed, calls, flops, usd or seconds"
    )]
    UnknownAxis {
        /// What stood before `=`.
        axis: String,
    },
    /// An axis is bounded twice.
    #[error("budget axis `{axis}` is given twice: keep one of the amounts")]
    Twice {
        /// The axis.
        axis: String,
    },
    /// The amount is not a positive number that the axis can count.
    #[error("budget amount `{amount}` of `{axis}` is not usable: {reason}")]
    Amount {
        /// The axis.
        axis: String,
        /// What stood after `=`.
        amount: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Reads a budget; an empty text is an error, for no bound is said by not writing one.
///
/// Axes: `tokens` (generated), `scored`, `computed`, `calls`, `flops`, `usd`, `seconds`. Amounts are
/// positive: `20000`, `20_000`, `2e4`, `0.5`.
///
/// # Errors
///
/// [`BudgetError`] says which part cannot be read.
///
/// # Example
///
/// ```
/// use espalier_eval::parse_budget;
/// let budget = parse_budget("tokens=2e4,usd=0.5").unwrap();
/// assert_eq!(budget.generated, Some(20_000));
/// assert_eq!(budget.nano_usd, Some(500_000_000));
/// assert_eq!(budget.calls, None);
/// let error = parse_budget("token=5").unwrap_err().to_string();
/// assert!(error.starts_with("budget axis `token` does not exist"));
/// ```
pub fn parse_budget(text: &str) -> Result<Budget, BudgetError> {
    let mut budget = Budget::default();
    for part in text.split(',').map(str::trim) {
        let (name, amount) =
            part.split_once('=').ok_or_else(|| BudgetError::NoAmount { part: part.to_owned() })?;
        let (name, amount) = (name.trim(), amount.trim());
        let &(_, axis, scale) = AXES
            .iter()
            .find(|(known, ..)| *known == name)
            .ok_or_else(|| BudgetError::UnknownAxis { axis: name.to_owned() })?;
        if budget.on(axis).is_some() {
            return Err(BudgetError::Twice { axis: name.to_owned() });
        }
        let bad = |reason| BudgetError::Amount {
            axis: name.to_owned(),
            amount: amount.to_owned(),
            reason,
        };
        let units = scaled(amount, scale).map_err(bad)?;
        let narrow = || u64::try_from(units).map_err(|_| bad("it is too large"));
        match axis {
            Axis::Generated => budget.generated = Some(narrow()?),
            Axis::Scored => budget.scored = Some(narrow()?),
            Axis::Computed => budget.computed = Some(narrow()?),
            Axis::Calls => budget.calls = Some(narrow()?),
            Axis::Flops => budget.flops = Some(units),
            Axis::NanoUsd => budget.nano_usd = Some(narrow()?),
            Axis::Nanoseconds => budget.nanoseconds = Some(narrow()?),
        }
    }
    Ok(budget)
}

/// Writes a budget so that [`parse_budget`] reads it back; empty where nothing is bounded.
///
/// ```
/// use espalier_eval::{parse_budget, write_budget};
/// let text = "tokens=20000,flops=1000000000000,seconds=1.5";
/// assert_eq!(write_budget(&parse_budget(text).unwrap()), text);
/// ```
#[must_use]
pub fn write_budget(budget: &Budget) -> String {
    let part = |&(name, axis, scale): &(&str, Axis, u32)| {
        budget.on(axis).map(|units| format!("{name}={}", unscaled(units, scale)))
    };
    AXES.iter().filter_map(part).collect::<Vec<_>>().join(",")
}

/// `text` times 10^`scale`, exactly.
fn scaled(text: &str, scale: u32) -> Result<u128, &'static str> {
    const NOT_A_NUMBER: &str = "write a positive number, such as 20000, 2e4 or 0.5";
    let clean: String = text.chars().filter(|&c| c != '_').collect();
    let (mantissa, exponent) = match clean.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.parse::<i32>().map_err(|_| NOT_A_NUMBER)?)
        }
        None => (clean.as_str(), 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NOT_A_NUMBER);
    }
    let digits: u128 = digits.parse().map_err(|_| "it is too large")?;
    let shift = i64::from(exponent) + i64::from(scale) - fraction.len() as i64;
    let power =
        || u32::try_from(shift.unsigned_abs()).ok().and_then(|shift| 10_u128.checked_pow(shift));
    let units = if shift >= 0 {
        power().and_then(|power| digits.checked_mul(power)).ok_or("it is too large")?
    } else {
        let power = power().ok_or("it is finer than the axis can count")?;
        if !digits.is_multiple_of(power) {
            return Err("it is finer than the axis can count");
        }
        digits / power
    };
    if units == 0 { Err("nothing can be done with nothing; leave the axis out") } else { Ok(units) }
}

/// `units` divided by 10^`scale`, exactly, without trailing zeros.
fn unscaled(units: u128, scale: u32) -> String {
    let power = 10_u128.pow(scale);
    let (whole, part) = (units / power, units % power);
    if part == 0 {
        return whole.to_string();
    }
    let part = format!("{part:0width$}", width = scale as usize);
    format!("{whole}.{}", part.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_say_what_to_write() {
        let message = |text| parse_budget(text).unwrap_err().to_string();
        assert_eq!(
            message("20000"),
            "budget `20000` has no amount: write `axis=amount`, such as `tokens=20000`"
        );
        assert_eq!(
            message("tokens=1,tokens=2"),
            "budget axis `tokens` is given twice: keep one of the amounts"
        );
        for (text, reason) in [
            ("tokens=0", "nothing can be done with nothing; leave the axis out"),
            ("tokens=1.5", "it is finer than the axis can count"),
            ("usd=1e-10", "it is finer than the axis can count"),
            ("tokens=-3", "write a positive number, such as 20000, 2e4 or 0.5"),
            ("flops=inf", "write a positive number, such as 20000, 2e4 or 0.5"),
            ("calls=1e30", "it is too large"),
            ("flops=1e99", "it is too large"),
            ("flops=1e-4294967296", "write a positive number, such as 20000, 2e4 or 0.5"),
        ] {
            assert!(message(text).ends_with(reason), "{text}: {}", message(text));
        }
        assert!(parse_budget("").is_err());
        assert!(parse_budget("tokens=5,").is_err());
    }

    #[test]
    fn flops_beyond_64_bits() {
        assert_eq!(parse_budget("flops=1e20").unwrap().flops, Some(10_u128.pow(20)));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            generated in prop::option::of(1_u64..),
            flops in prop::option::of(1_u128..),
            nanoseconds in prop::option::of(1_u64..),
        ) {
            let budget = Budget { generated, flops, nanoseconds, ..Budget::default() };
            let text = write_budget(&budget);
            if text.is_empty() {
                prop_assert_eq!(budget, Budget::default());
            } else {
                prop_assert_eq!(parse_budget(&text), Ok(budget));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a-z=0-9e.,_+-]{0,24}") {
            let _ = parse_budget(&text);
        }
    }
}
