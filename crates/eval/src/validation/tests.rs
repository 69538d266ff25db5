//! What is called true, false and neither.

use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::dataset::Dataset;
use Verdict::{Fail, Pass, Unknown};

/// `true` and `false` for each equation of a line that is checked.
fn holds(line: &str) -> Vec<bool> {
    equations(line).iter().map(|equation| equation.holds).collect()
}

#[test]
fn true_and_false_equations_are_found_in_prose() {
    for line in [
        "The boxes hold 4 * 6 = 24 pens.",
        "She has 16 - 3 - 4 = <<16-3-4=9>>9 eggs",
        "$9 × $2 = $18 per day",
        r"So \(16 - 3 - 4 = 9\) eggs remain",
        r"\[ 9 \times 2 = \boxed{18} \]",
        r"$\frac{1}{2} + \frac{1}{3} = \frac{5}{6}$",
        "Total: (2 + 3) * 4 = 20",
        "- 5 + 3 = 8",
        "**4 + 5 = 9**",
        "1) 80,000 + 50,000 = 130,000",
        "3 x 4 = 12",
        "3 boxes x $4 = $12",
        "3x4 = 12",
        "2**3 = 8",
        "5 blue pens + 3 red pens = 8 pens",
        "x = 4 * 6 = 24",
        "24 = 4 * 6",
        "10 / 4 = 2.5",
        "2 / 3 = 0.67",
        "-3 + 5 = 2",
        "12 ÷ 4 = 3.00",
    ] {
        let found = holds(line);
        assert!(!found.is_empty() && found.iter().all(|holds| *holds), "{line}: {found:?}");
    }
    for line in [
        "The boxes hold 4 * 6 = 25 pens.",
        "5 apples + 3 apples = 9 apples",
        "10 / 4 = 3",
        "2 / 3 = 0.66",
        "Total: (2 + 3) * 4 = 14",
        r"\[ 9 \times 2 = \boxed{17} \]",
    ] {
        assert_eq!(holds(line), [false], "{line}");
    }
    assert_eq!(holds("16 - 7 = 9 and 9 * 2 = 19"), [true, false]);
    assert_eq!(holds("4 * 6 = 24 = 20 + 4"), [true, true]);
}

#[test]
fn what_is_no_arithmetic_is_left_alone() {
    for line in [
        "x = 5",
        "the total = 18",
        "2x + 3 = 7",
        "x + 3 = 7",
        "x - 3 = 7",
        "profit - 3 = 7",
        "f(5) + 3 = 9",
        r"\sqrt{16} + 2 = 7",
        "3 hours = 3 * 60 minutes = 180 minutes",
        "$5 + 50 cents = $5.50",
        "20% of 50 + 1 = 10",
        "100 - 20% = 80",
        "half of 10 + 2 = 7",
        "4 times 5 + 1 = 21",
        "5:30 + 2 = 7:30",
        "17 / 5 = 3 remainder 2",
        "5! / 3 = 40",
        "2 + 2 >= 5, 2 + 2 != 5, 3 => 4 + 4",
        "7 / 2 ≈ 3",
        "3 1/2 + 1 = 5",
        "= 5",
        "5 + =",
        "2(3) + 1 = 8",
        "5 + 3 = 2 * n",
        "1 / 0 = 0",
        "((((((((((((((((((((1 + 1)))))))))))))))))))) = 3",
        "=",
        "==",
        "(=)",
    ] {
        // The second sign of the hours is between like units.
        let wanted: &[bool] = if line.starts_with("3 hours") { &[true] } else { &[] };
        assert_eq!(holds(line), wanted, "{line}");
    }
}

#[test]
fn moves_are_played_again_each_from_what_the_line_before_left() {
    let problem = Problem::new("1".into(), "Reach 24 with 4 5 6 10".into(), None);
    let of = |text: &str| validate(DatasetKind::Game24, &problem, text).unwrap();
    let right = "10 - 6 = 4 left 4 4 5\n4 * 5 = 20 left 4 20\n4 + 20 = 24 left 24\n#ANSWER: 4 + (10 - 6) * 5";
    let found = of(right);
    assert_eq!((found.answer, found.steps), (Some(Pass), vec![Pass; 3]));
    let found = of(&right.replace("4 * 5 = 20 left 4 20", "4 * 5 = 21 left 4 20"));
    assert_eq!((found.answer, found.steps), (Some(Pass), vec![Pass, Fail, Pass]));
    let found = of("10 - 6 = 4 left 4 5\nWait.\n2 + 2 = 5\n#ANSWER: 4 * 6");
    assert_eq!((found.answer, found.steps), (Some(Fail), vec![Fail, Unknown, Fail]));
    assert_eq!(of("I give up."), Validation { answer: None, steps: vec![Unknown] });
    let other = Problem::new("2".into(), "Reach out".into(), None);
    let error = validate(DatasetKind::Game24, &other, "").unwrap_err();
    assert!(error.to_string().contains("Reach out"), "{error}");
}

#[test]
fn an_answer_is_supported_by_the_last_true_equation() {
    let problem = Problem::new("1".into(), "?".into(), None);
    let of = |text: &str| validate(DatasetKind::Gsm8k, &problem, text).unwrap().answer;
    assert_eq!(of("4 * 6 = 24\n24 - 9 = 15\n#### 15"), Some(Pass));
    assert_eq!(of("4 * 6 = 24\n24 - 9 = $15\n#### 15 dollars"), Some(Pass));
    assert_eq!(of("10 / 3 = 3.33\n#### 3.33"), Some(Pass));
    assert_eq!(of("4 * 6 = 24\n24 - 9 = 15\n#### 24"), Some(Unknown), "an earlier one");
    assert_eq!(of("4 * 6 = 24\n24 - 9 = 15\n#### 16"), Some(Fail));
    assert_eq!(of("4 * 6 = 24\n24 - 9 = 16\n#### 16"), Some(Fail), "from a false one");
    assert_eq!(of("4 * 6 = 24\n24 - 9 = 16\nx = 16\n#### 16"), Some(Unknown), "what is not read");
    assert_eq!(of("I think so.\n#### 16"), Some(Unknown));
    assert_eq!(of("I do not know."), None);
    let latex = validate(DatasetKind::Math500, &problem, r"$\frac12 + 1 = \frac32$ \boxed{1.5}");
    assert_eq!(latex.unwrap().answer, Some(Unknown), "a fraction without braces is not read");
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "[-0-9x+*/=()., $%\\\\{}a-c\n]{0,80}") {
        let problem = Problem::new("1".into(), "Reach 24 with 4 5 6 10".into(), None);
        for kind in [DatasetKind::Gsm8k, DatasetKind::Math500, DatasetKind::Game24] {
            prop_assert!(validate(kind, &problem, &text).is_ok());
        }
    }

    #[test]
    fn sums_and_products_are_judged_as_they_are(
        a in 0_i64..1000, b in 1_i64..1000, off in prop::sample::select(vec![0, 0, 1, -1]), op in 0_usize..3,
    ) {
        let (sign, value) = [("+", a + b), ("-", a - b), ("*", a * b)][op];
        let line = format!("Then {a} pens {sign} {b} pens = {} pens.", value + off);
        prop_assert_eq!(holds(&line), [off == 0], "{}", line);
    }
}

/// Where the data are: GSM8K's own solutions are written by people, and their arithmetic is right.
#[test]
fn solutions_that_people_wrote_are_hardly_ever_contradicted() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/gsm8k/test.jsonl");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("SKIPPED: `{path}` is not there to be read");
        return;
    };
    let data = Dataset::parse(DatasetKind::Gsm8k, Path::new(path), &text).unwrap();
    let (mut supported, mut checked, mut answers) = (0, 0, [0; 3]);
    for (item, line) in data.items.iter().zip(text.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        let found = validate(data.kind, &item.problem, line["answer"].as_str().unwrap()).unwrap();
        let (good, all) = found.supported();
        supported += good;
        checked += all;
        answers[found.answer.map_or(2, |answer| answer as usize)] += 1;
    }
    eprintln!("steps supported {supported} of {checked}; answers pass, fail, unknown: {answers:?}");
    assert!(checked > 3000 && supported * 1000 >= checked * 990, "{supported} of {checked}");
    assert!(answers[0] * 100 >= data.items.len() * 90, "{answers:?}");
    assert!(answers[1] * 100 <= data.items.len() * 3, "{answers:?}");
}
