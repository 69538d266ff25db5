//! Expressions made at random, held to what floating point says of them.

use super::*;

/// An expression and its value where `x` is 1.7 and `y` is 0.6.
#[derive(Debug, Clone)]
struct Expression {
    text: String,
    value: f64,
}

fn expressions() -> impl Strategy<Value = Expression> {
    let leaf = prop::sample::select(vec![
        ("1", 1.0),
        ("2", 2.0),
        ("3", 3.0),
        ("5", 5.0),
        ("0.5", 0.5),
        ("x", 1.7),
        ("y", 0.6),
        (r"\pi", std::f64::consts::PI),
        ("e", std::f64::consts::E),
    ]);
    let leaf = leaf.prop_map(|(text, value)| Expression { text: text.to_owned(), value });
    leaf.prop_recursive(4, 12, 2, |inner| {
        (inner.clone(), inner, 0..15).prop_map(|(a, b, operation)| combined(&a, &b, operation))
    })
}

fn combined(a: &Expression, b: &Expression, operation: i32) -> Expression {
    let (one, two) = (&a.text, &b.text);
    let (text, value) = match operation {
        0 | 1 => (format!("({one}+{two})"), a.value + b.value),
        2 | 3 => (format!("({one}-{two})"), a.value - b.value),
        4 | 5 => (format!(r"({one} \cdot {two})"), a.value * b.value),
        6 => (format!(r"\frac{{{one}}}{{{two}}}"), a.value / b.value),
        7 => (format!(r"\sqrt{{{one}}}"), a.value.sqrt()),
        8 => (format!(r"\sqrt[3]{{{one}}}"), a.value.cbrt()),
        9 => (format!("({one})^2"), a.value.powi(2)),
        10 => (format!("({one})^{{{two}}}"), a.value.powf(b.value)),
        11 => (format!(r"\sin({one})"), a.value.sin()),
        12 => (
            format!(r"\cos(\frac{{\pi}}{{3}}+{one})"),
            (std::f64::consts::FRAC_PI_3 + a.value).cos(),
        ),
        13 => (format!(r"\ln({one})"), a.value.ln()),
        _ => (format!("|{one}|"), a.value.abs()),
    };
    Expression { text, value }
}

/// Whether values are too near or too large for floating point to tell them apart.
fn near(one: f64, other: f64) -> bool {
    let scale = one.abs().max(other.abs()).max(1.0);
    !one.is_finite() || !other.is_finite() || (one - other).abs() <= 1e-6 * scale || scale > 1e9
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_equal_is_near(one in expressions(), other in expressions()) {
        let found = verdict(&one.text, &other.text);
        prop_assert!(
            found != Verdict::Equal || near(one.value, other.value),
            "{} {} {} {}", one.text, one.value, other.text, other.value
        );
    }

    #[test]
    fn rewritten_expressions_are_not_told_apart(
        a in expressions(), b in expressions(), c in expressions(), way in 0..8
    ) {
        let (a, b, c) = (a.text, b.text, c.text);
        let (one, other) = match way {
            0 => (format!("{a}+{b}"), format!("{b}+{a}")),
            1 => (format!("({a}) ({b}+{c})"), format!("{a} \\cdot {b}+({a}) ({c})")),
            2 => (format!("({a}+{b})^2"), format!("({a})^2+2({a}) ({b})+({b})^2")),
            3 => (a.clone(), format!("({a}+{b})-{b}")),
            4 => (format!(r"\cos(2 \cdot {a})"), format!(r"1-2(\sin({a}))^2")),
            5 => (format!(r"\sqrt{{{a}}} \cdot \sqrt{{{a}}}"), a.clone()),
            6 => (format!(r"\frac{{1}}{{1+({a})^2}}"), format!(r"\frac{{2+{b}-{b}}}{{2+2({a})^2}}")),
            _ => (format!(r"2^{{{a}+{b}}}"), format!(r"2^{{{b}}} \cdot 2^{{{a}}}")),
        };
        prop_assert_ne!(verdict(&one, &other), Verdict::NotEqual, "{} {}", one, other);
        // A little more is never the same.
        let more = format!("{other}+10^{{-25}}");
        prop_assert_ne!(verdict(&one, &more), Verdict::Equal, "{} {}", one, more);
    }
}
