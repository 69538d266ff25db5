//! The functions that chat templates call and Jinja does not have.

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The day that models are told whose templates ask for it, whatever day it is: prompts, and with them
    /// results, must not change overnight. It is the day that Llama 3.1's template falls back on.
    pub const TOLD: Self = Self { year: 2024, month: 7, day: 26 };

    /// A day of the years 1 to 9999; `None` if there is no such day.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        ((1..=9999).contains(&year) && (1..=last).contains(&day)).then_some(Self {
            year,
            month,
            day,
        })
    }

    /// Writes the date in a format of C's `strftime`, of which the parts of a date are known.
    pub(crate) fn format(self, format: &str) -> Result<String, Error> {
        let mut out = String::new();
        let mut letters = format.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                out.push(letter);
                continue;
            }
            let Self { year, month, day } = self;
            let (month_name, day_name) = (MONTHS[usize::from(month) - 1], DAYS[self.weekday()]);
            let part = match letters.next() {
                Some('Y') => format!("{year:04}"),
                Some('y') => format!("{:02}", year % 100),
                Some('m') => format!("{month:02}"),
                Some('d') => format!("{day:02}"),
                Some('e') => format!("{day:2}"),
                Some('B') => month_name.to_owned(),
                Some('b' | 'h') => month_name[..3].to_owned(),
                Some('A') => day_name.to_owned(),
                Some('a') => day_name[..3].to_owned(),
                Some('F') => format!("{year:04}-{month:02}-{day:02}"),
                Some('%') => "%".to_owned(),
                _ => {
                    let reason =
                        format!("`strftime_now` knows dates only, not the format `{format}`");
                    return Err(Error::new(ErrorKind::InvalidOperation, reason));
                }
            };
            out.push_str(&part);
        }
        Ok(out)
    }

    /// Days since Sunday, by Sakamoto's method.
    fn weekday(self) -> usize {
        let shift = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4][usize::from(self.month) - 1];
        let year = usize::from(self.year) - usize::from(self.month < 3);
        (year + year / 4 - year / 100 + year / 400 + shift + usize::from(self.day)) % 7
    }
}

/// Fails with the template's message.
pub(crate) fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// Writes a value in JSON as Python does: spaces after separators, nothing escaped for HTML.
#[expect(clippy::needless_pass_by_value, reason = "the signature of a template filter")]
pub(crate) fn tojson(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<Value> = options.get("indent")?;
    // Python's other options change nothing that a template relies on.
    for option in ["ensure_ascii", "separators", "sort_keys"] {
        let _: Option<Value> = options.get(option)?;
    }
    options.assert_all_used()?;
    let indent = indent.filter(|indent| !indent.is_none());
    let json =
        minijinja::filters::tojson(value, indent, std::iter::empty::<(&str, Value)>().collect())?;
    Ok(Value::from(without_html_escapes(json.as_str().unwrap_or_default())))
}

/// Undoes the escapes of `<`, `>`, `&` and `'` in JSON, and no others.
fn without_html_escapes(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.push_str(before);
        let (letter, len) = match escape.get(..5) {
            Some("u003c") => ("<", 5),
            Some("u003e") => (">", 5),
            Some("u0026") => ("&", 5),
            Some("u0027") => ("'", 5),
            _ => {
                // Any other escape: a backslash and at least one more character.
                out.push('\\');
                (escape.get(..1).unwrap_or_default(), 1)
            }
        };
        out.push_str(letter);
        rest = escape.get(len..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_checked_and_formatted() {
        assert_eq!(Date::new(2023, 2, 29), None);
        assert_eq!(Date::new(2024, 13, 1), None);
        let date = Date::new(2024, 2, 29).unwrap();
        assert_eq!(
            date.format("%A %a %d. %B %y %F%%").unwrap(),
            "Thursday Thu 29. February 24 2024-02-29%"
        );
        assert_eq!(Date::new(2000, 1, 1).unwrap().format("%a").unwrap(), "Sat");
        assert!(date.format("%H:%M").is_err());
        assert!(date.format("%").is_err());
    }

    #[test]
    fn only_html_escapes_are_undone() {
        assert_eq!(without_html_escapes(r#""\u003cb\u003e \u0026 \u0027""#), r#""<b> & '""#);
        assert_eq!(without_html_escapes(r#""\\u003c \n \u001b""#), r#""\\u003c \n \u001b""#);
    }
}
