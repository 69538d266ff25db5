//! Spellings folded into one before a text is read.

/// Unicode spellings as LaTeX or ASCII ones.
pub(super) fn fold(text: &str) -> String {
    let dollars = text.matches('$').count() - text.matches("\\$").count();
    let odd_dollars = dollars % 2 == 1;
    let mut folded = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut escaped = false;
    while let Some(c) = chars.next() {
        // Dollars in pairs delimit mathematics; an odd one before a digit is money.
        let money = odd_dollars && chars.peek().is_some_and(char::is_ascii_digit);
        let plain = match c {
            '$' if escaped => "",
            '$' if money => "\\$",
            '$' | '\u{a0}' | '\u{2009}' | '\u{202f}' => " ",
            '−' | '–' | '—' | '‐' | '‑' => "-",
            '×' | '⋅' | '·' | '∗' => "*",
            '÷' | '⁄' | '∕' => "/",
            '°' | 'º' => "\\degree ",
            '√' => "\\sqrt ",
            'π' => "\\pi ",
            '∞' => "\\infty ",
            '∪' => "\\cup ",
            '∈' => "\\in ",
            '±' => "\\pm ",
            '½' => "\\frac{1}{2}",
            '⅓' => "\\frac{1}{3}",
            '⅔' => "\\frac{2}{3}",
            '¼' => "\\frac{1}{4}",
            '¾' => "\\frac{3}{4}",
            '²' => "^2",
            '³' => "^3",
            '％' => "%",
            _ => "",
        };
        escaped = c == '\\' && !escaped;
        if plain.is_empty() {
            folded.push(c);
        } else {
            folded.push_str(plain);
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_have_one_spelling_and_dollars_are_money_or_delimiters() {
        for (text, folded) in [
            ("−½×√2", r"-\frac{1}{2}*\sqrt 2"),
            ("$5$", " 5 "),
            ("$5", r"\$5"),
            (r"$\$5$", r" \$5 "),
            ("x²", "x^2"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }
}
