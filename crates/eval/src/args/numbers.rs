//! Numbers, as the command line takes them.

use std::num::NonZeroU32;

/// A whole number above 0.
pub(super) fn at_least_one(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("give a whole number from 1 to {}", u32::MAX))
}

/// What divides the logits.
pub(super) fn temperature(text: &str) -> Result<f32, String> {
    let number: Option<f32> = text.parse().ok();
    number
        .filter(|t| t.is_finite() && *t >= 0.0)
        .ok_or_else(|| "give a number that is not negative; 0 takes the likeliest token".to_owned())
}

/// A number of bytes, with or without a unit.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 7] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("", 1),
    ];
    let unit = UNITS.iter().find_map(|(unit, of)| Some((text.strip_suffix(unit)?, of)));
    let parsed = unit.and_then(|(number, of)| number.trim().parse::<u64>().ok()?.checked_mul(*of));
    parsed
        .filter(|n| *n > 0)
        .ok_or_else(|| "give a whole number of bytes above 0, such as `500MB` or `2GiB`".to_owned())
}

/// A finite number.
pub(super) fn finite(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "give a finite number".to_owned())
}

/// A number that is at least 0.
pub(super) fn not_negative(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|number| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| "give a number that is not negative".to_owned())
}

/// A number above 0.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "give a number above 0".to_owned())
}

/// A share of a whole.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "give a number from 0 to 1".to_owned())
}
