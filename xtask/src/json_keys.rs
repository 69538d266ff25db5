//! The keys of a JSON object on one line: all xtask needs to know of the binary's `--json` output.

/// Returns the top-level keys of `line`, or `None` if it is not one balanced JSON object.
///
/// Checks structure (strings, brackets, a key before each value), not the spelling of numbers.
pub(crate) fn json_keys(line: &str) -> Option<Vec<String>> {
    let mut chars = line.trim().chars();
    let mut open = Vec::new();
    let mut keys = Vec::new();
    let mut expects_key = false;
    let mut last_text = None;
    loop {
        let c = chars.next()?;
        if open.is_empty() && c != '{' {
            return None;
        }
        match c {
            '{' | '[' => {
                open.push(c);
                expects_key = open.len() == 1;
            }
            '}' | ']' => {
                let opened = if c == '}' { '{' } else { '[' };
                if open.pop() != Some(opened) {
                    return None;
                }
                if open.is_empty() {
                    return chars.next().is_none().then_some(keys);
                }
            }
            '"' => last_text = Some(text(&mut chars)?),
            ':' if open.len() == 1 && expects_key => {
                keys.push(last_text.take()?);
                expects_key = false;
            }
            ',' if open.len() == 1 => {
                if expects_key {
                    return None;
                }
                expects_key = true;
            }
            _ => {}
        }
    }
}

/// The rest of a string, up to its closing quote; escapes are kept as they are.
fn text(chars: &mut std::str::Chars<'_>) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => {
                text.push('\\');
                text.push(chars.next()?);
            }
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_top_level_only() {
        let line = r#"{"accuracy":0.5,"n":2,"spend":{"tokens":[1,{"n":2}]},"config":"a \" } ,"} "#;
        assert_eq!(json_keys(line).unwrap(), ["accuracy", "n", "spend", "config"]);
        assert_eq!(json_keys("{}").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn refuses_what_is_not_one_object() {
        for line in ["", "3", "[1]", "{\"a\":1", "{\"a\":1}}", "{\"a\":[1}", "{,}", "{\"a"] {
            assert_eq!(json_keys(line), None, "{line}");
        }
    }
}
