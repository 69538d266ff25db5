//! Expressions made at random, held to what floating point says of them.

use super::*;

/// An expression, its value where `x` is 1.7 and `y` is 0.6, and how far the value may be off:
/// roundings grow on their way through roots, quotients and logarithms near zero.
#[derive(Debug, Clone)]
struct Expression {
    text: String,
    value: f64,
    off: f64,
}

fn expressions() -> impl Strategy<Value = Expression> {
    let leaves = prop::sample::select(vec![
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
    let leaves = leaves.prop_map(|(text, value)| leaf(text, value));
    leaves.prop_recursive(4, 12, 2, |inner| {
        (inner.clone(), inner, 0..15).prop_map(|(a, b, operation)| combined(&a, &b, operation))
    })
}

fn leaf(text: &str, value: f64) -> Expression {
    Expression { text: text.to_owned(), value, off: value * f64::EPSILON }
}

fn combined(a: &Expression, b: &Expression, operation: i32) -> Expression {
    let (one, two) = (&a.text, &b.text);
    let (text, value, off) = match operation {
        0 | 1 => (format!("({one}+{two})"), a.value + b.value, a.off + b.off),
        2 | 3 => (format!("({one}-{two})"), a.value - b.value, a.off + b.off),
        4 | 5 => {
            let off = a.value.abs() * b.off + b.value.abs() * a.off + a.off * b.off;
            (format!(r"({one} \cdot {two})"), a.value * b.value, off)
        }
        6 => {
            let value = a.value / b.value;
            let off = (a.off + value.abs() * b.off) / (b.value.abs() - b.off).max(0.0);
            (format!(r"\frac{{{one}}}{{{two}}}"), value, off)
        }
        7 => (format!(r"\sqrt{{{one}}}"), a.value.sqrt(), spread(a, |at| at.max(0.0).sqrt())),
        8 => (format!(r"\sqrt[3]{{{one}}}"), a.value.cbrt(), spread(a, f64::cbrt)),
        9 => {
            let off = (a.value.abs() + a.off).powi(2) - a.value.powi(2);
            (format!("({one})^2"), a.value.powi(2), off)
        }
        10 => {
            let value = a.value.powf(b.value);
            let below = (a.value.abs() - a.off).max(0.0);
            let relative = b.value.abs() * a.off / below + below.ln().abs() * b.off;
            (format!("({one})^{{{two}}}"), value, value.abs() * relative.exp_m1())
        }
        11 => (format!(r"\sin({one})"), a.value.sin(), a.off),
        12 => {
            let third = std::f64::consts::FRAC_PI_3;
            let off = a.off + (third + a.value.abs()) * f64::EPSILON;
            (format!(r"\cos(\frac{{\pi}}{{3}}+{one})"), (third + a.value).cos(), off)
        }
        13 => (format!(r"\ln({one})"), a.value.ln(), spread(a, |at| at.max(0.0).ln())),
        _ => (format!("|{one}|"), a.value.abs(), a.off),
    };
    Expression { text, value, off: off + value.abs() * f64::EPSILON }
}

/// How far a rising function of a value that may be off can be off.
fn spread(of: &Expression, rising: impl Fn(f64) -> f64) -> f64 {
    rising(of.value + of.off) - rising(of.value - of.off)
}

/// Whether values are too near or too large for floating point to tell them apart.
fn near(one: &Expression, other: &Expression) -> bool {
    let difference = (one.value - other.value).abs();
    let scale = one.value.abs().max(other.value.abs()).max(1.0);
    // What floating point says nothing of is not finite.
    let may = 1e-6 * scale + one.off + other.off;
    !difference.is_finite() || !may.is_finite() || difference <= may || scale > 1e9
}

#[test]
fn a_root_of_what_rounding_left_of_nothing_is_near_nothing() {
    let zero = combined(&leaf(r"\pi", std::f64::consts::PI), &leaf("1", 1.0), 11);
    let root = combined(&zero, &zero, 8);
    assert_eq!(verdict(&root.text, &zero.text), Verdict::Equal);
    assert!(root.value > 1e-6 && near(&root, &zero));
    assert!(!near(&root, &leaf("0.1", 0.1)) && !near(&leaf("2", 2.0), &leaf("3", 3.0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_equal_is_near(one in expressions(), other in expressions()) {
        let found = verdict(&one.text, &other.text);
        prop_assert!(
            found != Verdict::Equal || near(&one, &other),
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
