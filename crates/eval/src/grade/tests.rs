//! Equivalence classes of answers, and answers nobody would write.

mod algebra;
mod soundness;

use proptest::prelude::*;

use super::*;
use crate::countdown::item;

#[test]
fn relations_are_equal_to_what_they_bound() {
    for (gold, answer) in [
        ("x < 1", "-x > -1"),
        (r"x \le 1", "2 >= 2x"),
        (r"-2 \le x \le 7", r"x \in [-2,7]"),
        ("0 < f(x) < 1", "(0, 1)"),
        ("7 > x >= 2", r"2 \leq x < 7"),
        (r"\pm 2021", r"\{-2021, 2021\}"),
        ("(p, q) = (3, 2)", "(3, 2)"),
        ("|AB| = 1", "1"),
        ("V_{1}:V_{2} = 11:21", "11:21"),
        (r"\frac{NO}{BO} = \frac12", "0.5"),
    ] {
        assert_eq!(verdict(gold, answer), Verdict::Equal, "{gold}, {answer}");
        assert_eq!(verdict(answer, gold), Verdict::Equal, "{answer}, {gold}");
    }
    for (gold, answer) in [
        ("x < 1", "x > 1"),
        ("x < 1", r"x \le 1"),
        ("x < 1", "y < 1"),
        ("-2 < x < 7", "[-2, 7]"),
        ("-2 < x < 7", "-2 < y < 7"),
        ("(p, q) = (3, 2)", "(q, p) = (3, 2)"),
        ("(p, q) = (3, 2)", "(2, 3)"),
        (r"\pm 3", "3"),
    ] {
        assert_ne!(verdict(gold, answer), Verdict::Equal, "{gold}, {answer}");
        assert_ne!(verdict(answer, gold), Verdict::Equal, "{answer}, {gold}");
    }
}

fn latex() -> Policy {
    Policy::of(DatasetKind::Math500, "")
}

fn verdict(gold: &str, answer: &str) -> Verdict {
    grade(&Gold::new(gold.to_owned()), &Answer(answer.to_owned()), latex())
}

fn printed(gold: &str, answer: &str) -> Verdict {
    let policy = Policy { decimals: Decimals::Printed, ..latex() };
    grade(&Gold::new(gold.to_owned()), &Answer(answer.to_owned()), policy)
}

#[test]
fn equal() {
    for (gold, answer) in [
        ("1234", "1,234"),
        ("1234", r"1{,}234"),
        ("1234", r"1\,234"),
        ("1234", "1234.0"),
        ("1234", "+1234"),
        ("7", "007"),
        (r"\frac12", "0.5"),
        (r"\frac12", ".5"),
        (r"\frac12", "2/4"),
        (r"\frac12", "2^{-1}"),
        (r"\frac72", r"3\frac12"),
        (r"\frac72", "3 1/2"),
        (r"-\frac12", r"\frac{-1}{2}"),
        (r"\frac13", r"0.\overline{3}"),
        ("1500", r"1.5\times10^3"),
        (r"\$18.90", "18.9"),
        ("18.90", "$18.90"),
        ("18.9", "18.90 dollars"),
        ("10", r"10\text{ cm}"),
        (r"10\text{ cm}", "10"),
        (r"15\mbox{ cm}^2", "15 square centimeters"),
        (r"90^\circ", "90"),
        ("90", "90°"),
        (r"\frac{270}7\text{ degrees}", r"\frac{270}{7}^\circ"),
        (r"2\sqrt3", r"\sqrt{12}"),
        (r"\frac{1}{\sqrt2}", r"\frac{\sqrt2}{2}"),
        ("6 - 5i", "-5i+6"),
        (r"50\%", "50%"),
        (r"50\%", "50"),
        (r"50\%", "0.5"),
        ("0.335", "33.5%"),
        ("x=5", "5"),
        ("5", "x = 5"),
        ("7", "a = b = 7"),
        ("18", "9 * 2 = 18"),
        ("3, 5, 7", "7,5,3"),
        (r"\{1,2\}", "2, 1"),
        ("1,2", r"1 \text{ and } 2"),
        ("1,2", "x=1 or x=2"),
        ("(1, 2)", r"\left(1,\frac{4}{2}\right)"),
        (r"(3,4]", r"(3, 4]"),
        (r"(2,12) \cup (12,102)", r"(12,102)\cup(2,12)"),
        (r"x \in [-2,7]", "[-2,7]"),
        (
            r"\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix}",
            r"\begin{bmatrix}-\frac13\\\frac23\end{bmatrix}",
        ),
        (r"\text{Evelyn}", "evelyn"),
        (r"\text{(C)}", "C"),
        (r"\text{(C)}", "(C)"),
        (r"\text{even}", "Even."),
        ("y = 2x + 3", "2x - y + 3 = 0"),
        ("5x - 7y + 11z + 4 = 0", "-5x+7y-11z-4=0"),
        ("(a+5)(b+2)", "ab + 2a + 5b + 10"),
        (r"\frac{11+9a}{20}", r"\frac{9}{20}a + 0.55"),
        (r"\frac{\pi r}{h+r}", r"\pi\frac{r}{r+h}"),
        ("p - q", "-q+p"),
        ("52_8", "52_{8}"),
        (r"\cot x", r"\cot{x}"),
        (r"x \le 2", "x <= 2"),
        (r"11,\! 111,\! 111,\! 100", "11111111100"),
        ("42", r"\boxed{42}"),
        ("42", "**42**"),
        ("42", "$42$"),
        ("42", "42 because geometry proves it"),
        (r"2024^{4046}", r"2024^{4046}"),
    ] {
        assert_eq!(verdict(gold, answer), Verdict::Equal, "`{gold}` `{answer}`");
    }
}

#[test]
fn not_equal() {
    for (gold, answer) in [
        ("1", "100"),
        ("12345", "12346"),
        ("100000000000", "99999999999"),
        (r"\frac13", "0.333"),
        (r"\frac13", "0.33333333333333333333"),
        ("0.5", "50"),
        ("50", "50%"),
        (r"10\text{ cm}", "10 m"),
        ("5 dollars", "5 cents"),
        (r"\pi", "22/7"),
        (r"\pi", "3.14159265358979"),
        ("4", r"4\sqrt{2}"),
        ("2021", r"20.21"),
        ("(1,2)", "(2,1)"),
        ("[0,1)", "(0,1)"),
        ("1,2", "1,3"),
        ("1,2", "1"),
        ("12", "[1,2]"),
        ("2k+2", "2k"),
        (r"10^{-30}", r"10^{-31}"),
        (r"2^{-99}", r"2^{-98}"),
        ("(2,3)", "23"),
        (r"\text{even}", "odd"),
        (r"\text{(B)}", "C"),
        ("4.5", "4.46"),
        ("32349", "32, 349"),
        ("3", r"\frac{9}{2}"),
        ("27.0", "27.04"),
        ("3", "3i"),
    ] {
        assert_eq!(verdict(gold, answer), Verdict::NotEqual, "`{gold}` `{answer}`");
    }
}

#[test]
fn never_equal() {
    for (gold, answer) in [
        ("2021", r"\pm 2021"),
        ("1011_2", "1011"),
        ("11", "1011_2"),
        ("12:00", "1:00"),
        ("", ""),
        ("None", "none"),
        ("nan", "NaN"),
        ("dog", "god"),
        ("5 million", "5"),
        ("5", "5 million"),
        ("5", "5 or 6"),
        ("5", "5x"),
        ("2", r"2 \text{ or } 3"),
        ("0", "a + 3z = 0"),
        ("2x+4y=3", "3"),
        ("x=5", "y=5"),
        ("1,2,3", r"1, 2, \ldots, n"),
        (r"1 - \frac1e", r"1+\frac1e"),
        (r"x < 3", "x > 3"),
        (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
        (r"\boxed{2^{2^{2^{49}}}}", "1"),
        ("0", "open('marker', 'w').write('x') or 0"),
        ("5", "not 5"),
        ("5", "about 50"),
        ("0.333", "1/3"),
        ("one", "none"),
        ("7", r"11a+c=7"),
    ] {
        assert_ne!(verdict(gold, answer), Verdict::Equal, "`{gold}` `{answer}`");
    }
}

#[test]
fn printed_precision() {
    for (gold, answer, expected) in [
        ("0.33", r"\frac13", Verdict::Equal),
        ("0.33", "0.3333", Verdict::Equal),
        ("0.33", "0.3", Verdict::NotEqual),
        ("0.13", r"\frac18", Verdict::Equal),
        ("-0.13", r"-\frac18", Verdict::Equal),
        ("0.12", r"\frac18", Verdict::NotEqual),
        ("5.4", "5.44", Verdict::Equal),
        ("5.4", "5.45", Verdict::NotEqual),
        ("27.0", "27.04", Verdict::NotEqual),
        (r"\frac13", "0.33", Verdict::NotEqual),
        ("3.14", r"\pi", Verdict::NotEqual),
    ] {
        assert_eq!(printed(gold, answer), expected, "`{gold}` `{answer}`");
    }
}

#[test]
fn percentages_follow_the_question() {
    let asked = Policy::of(DatasetKind::Gsm8k, "What percentage of them is red?");
    let grade = |gold: &str, answer: &str, policy| {
        grade(&Gold::new(gold.to_owned()), &Answer(answer.to_owned()), policy)
    };
    assert_eq!(grade("40", "40%", asked), Verdict::Equal);
    assert_eq!(grade("0.4", "40%", asked), Verdict::Equal);
    assert_eq!(grade("40", "0.4", asked), Verdict::NotEqual);
    let other = Policy::of(DatasetKind::Gsm8k, "How many are red?");
    assert_eq!(grade("40", "40%", other), Verdict::NotEqual);
}

#[test]
fn oversize_is_undecided() {
    let long = "9".repeat(5000);
    for (gold, answer) in [
        ("1", long.as_str()),
        (long.as_str(), long.as_str()),
        ("1", "1e999999"),
        ("1", &"(".repeat(4000)),
        ("1", &r"\frac".repeat(800)),
        ("1", &"{".repeat(4000)),
        ("1", &"((1,2),".repeat(500)),
    ] {
        assert_ne!(verdict(gold, answer), Verdict::Equal);
    }
    assert_eq!(verdict("1", &long), Verdict::Undecided);
    assert_eq!(verdict("1", "9^9^9"), Verdict::Undecided);
    assert_eq!(verdict("1", "99999^99999"), Verdict::Undecided);
}

/// Texts that look like answers.
fn answers() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "1",
        "2",
        "10",
        "345",
        "0.5",
        ".",
        ",",
        "-",
        "+",
        "*",
        "/",
        "^",
        "_",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\\{",
        "\\}",
        "\\frac",
        "\\sqrt",
        "\\pi",
        "\\text{",
        "\\left",
        "\\right",
        "$",
        "\\$",
        "%",
        "\\%",
        "^\\circ",
        " ",
        "x",
        "i",
        "and",
        "cm",
        "dollars",
        "=",
        "<",
        "\\cup",
        "\\pm",
        "\\infty",
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "\\\\",
        "&",
        "!",
        "½",
        "√",
        "²",
        "\\overline{3}",
        "e5",
        "\\boxed{",
        "\\!",
        "\\,",
        "é",
        "…",
        "\u{0}",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn grading_never_panics_and_knows_an_answer_as_itself(text in answers(), other in answers()) {
        let own = verdict(&text, &text);
        prop_assert_ne!(own, Verdict::NotEqual, "{}", text);
        let (one, two) = (verdict(&text, &other), verdict(&other, &text));
        // Without rounding and percentages, the order of the two does not matter.
        if !text.contains('%') && !other.contains('%') {
            prop_assert_eq!(one, two, "{} {}", text, other);
        }
        // What is equal votes together, unless the sign of a percentage was left out.
        if one == Verdict::Equal && !text.contains('%') && !other.contains('%') {
            let class = |text: &str| class(&Answer(text.to_owned()), AnswerForm::Latex);
            prop_assert!(
                class(&text) == class(&other)
                    || !class(&text).starts_with(|c: char| c.is_ascii_digit()),
                "{} {}", text, other
            );
        }
    }

    #[test]
    fn any_text_is_graded(text in "\\PC{0,64}") {
        let _ = verdict("1", &text);
        let _ = verdict(&text, "1");
    }

    #[test]
    fn numbers_equal_themselves_in_every_spelling(number in -1_000_000_i64..1_000_000) {
        let plain = number.to_string();
        let mut grouped = number.abs().to_string();
        let mut at = grouped.len();
        while at > 3 {
            at -= 3;
            grouped.insert(at, ',');
        }
        if number < 0 {
            grouped.insert(0, '-');
        }
        for spelling in [
            plain.clone(),
            grouped,
            format!("{plain}.00"),
            format!(r"\${plain}"),
            format!(r"\frac{{{}}}{{2}}", number * 2),
            format!("{plain}/1"),
            format!(r"\boxed{{{plain}}}"),
            format!("{plain} apples"),
        ] {
            prop_assert_eq!(verdict(&plain, &spelling), Verdict::Equal, "{}", spelling);
            let other = (number + 1).to_string();
            prop_assert_eq!(verdict(&other, &spelling), Verdict::NotEqual, "{}", spelling);
        }
    }
}

#[test]
fn an_expression_is_graded_by_its_value_and_its_numbers() {
    let puzzle = Puzzle::new(&[4, 5, 6, 10], 24).unwrap();
    let item = item("game24-0901".to_owned(), &puzzle);
    for (answer, verdict) in [
        ("((10 - 6) * 5) + 4", Verdict::Equal),
        ("4 + 5 × (10 − 6) = 24", Verdict::Equal),
        ("4 * 6", Verdict::NotEqual),
        ("10 + 6 + 5 + 4", Verdict::NotEqual),
        ("((10 - 6) * 5) + 4 = 25", Verdict::NotEqual),
        ("4 / (10 - 10)", Verdict::NotEqual),
        ("24", Verdict::NotEqual),
        ("((10 - 6) * 5", Verdict::Undecided),
        ("twenty-four", Verdict::Undecided),
    ] {
        let answer = Answer(answer.to_owned());
        for kind in [DatasetKind::Game24, DatasetKind::Countdown] {
            assert_eq!(grade_item(kind, &item, &answer), verdict, "{}", answer.0);
        }
    }
}
