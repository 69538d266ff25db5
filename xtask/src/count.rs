//! Counts of tests, read off the summaries that the test runners print.

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Count {
    /// Adds what `line` says if it is a summary of nextest or of cargo's own test harness.
    pub(crate) fn read(&mut self, line: &str) {
        let line = without_colour(line);
        let line = line.trim_start();
        if !line.starts_with("Summary [") && !line.starts_with("test result:") {
            return;
        }
        let words: Vec<&str> =
            line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(n) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => self.passed += n,
                // nextest: "1 timed out", "1 exec failed".
                "failed" | "timed" | "exec" => self.failed += n,
                _ => {}
            }
        }
    }
}

/// `line` without the terminal's colour codes.
fn without_colour(line: &str) -> String {
    let mut plain = String::new();
    let mut in_code = false;
    for c in line.chars() {
        match c {
            '\u{1b}' => in_code = true,
            'm' if in_code => in_code = false,
            _ if in_code => {}
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (u64, u64) {
        let mut count = Count::default();
        count.read(line);
        (count.passed, count.failed)
    }

    #[test]
    fn reads_both_runners() {
        assert_eq!(read("     Summary [   0.005s] 8 tests run: 8 passed, 3 skipped"), (8, 0));
        assert_eq!(read("     Summary [   1.2s] 9 tests run: 7 passed (1 slow), 2 failed"), (7, 2));
        assert_eq!(read("Summary [ 9s] 3 tests run: 1 passed, 1 failed, 1 timed out"), (1, 2));
        assert_eq!(
            read("test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; finished in 0.1s"),
            (5, 0)
        );
        assert_eq!(
            read(
                "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m passed, 0 skipped"
            ),
            (2, 0)
        );
    }

    #[test]
    fn reads_nothing_else() {
        assert_eq!(read("note: 3 passed"), (0, 0));
    }
}
