//! Shows: what of an outcome a model sees, in the formats that models were trained on. How long it may be, and the
//! fences around it, are the search's.

use crate::{Outcome, Status};

/// As the `PythonREPL` of the first AIMO progress prize's winner: what was printed, or the traceback with the
/// program's own lines.
///
/// Source: `kaggle-solution.ipynb` of <https://github.com/project-numina/aimo-progress-prize>.
#[must_use]
pub fn numina(outcome: &Outcome) -> String {
    match outcome.status {
        Status::Ok => outcome.stdout.text().trim().to_owned(),
        Status::Exit(_) => own_lines(&outcome.stderr.text()),
        other => format!("{}.", capitalized(&other.to_string())),
    }
}

/// As ToRA's executor: the last line that was printed, or the last line of the error.
///
/// Source: `src/utils/python_executor.py` of <https://github.com/microsoft/ToRA>.
#[must_use]
pub fn tora(outcome: &Outcome) -> String {
    let of = |text: String| text.trim().lines().next_back().unwrap_or_default().trim().to_owned();
    match outcome.status {
        Status::Ok => of(outcome.stdout.text()),
        Status::Exit(_) => of(outcome.stderr.text()),
        Status::CpuTimeout | Status::WallTimeout => "Timeout Error".to_owned(),
        other => capitalized(&other.to_string()),
    }
}

/// As Qwen2.5-Math's executor: all that was printed, or `Done`; of an error, the last line.
///
/// Source: `evaluation/python_executor.py` of <https://github.com/QwenLM/Qwen2.5-Math>.
#[must_use]
pub fn qwen(outcome: &Outcome) -> String {
    match outcome.status {
        Status::Ok => {
            let printed = outcome.stdout.text().trim().to_owned();
            if printed.is_empty() { "Done".to_owned() } else { printed }
        }
        _ => tora(outcome),
    }
}

/// The lines of a traceback that are of the program, and the last, which is the error.
fn own_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    let Some((last, before)) = lines.split_last() else { return String::new() };
    let mut kept = Vec::new();
    let mut next = false;
    for line in before {
        let own = line.contains("File \"main.py\"");
        if own || next || line.starts_with("Traceback") {
            kept.push(*line);
        }
        next = own;
    }
    kept.push(last);
    kept.join("\n")
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Excerpt;

    fn outcome(status: Status, stdout: &str, stderr: &str) -> Outcome {
        let excerpt = |text: &str| Excerpt { head: text.to_owned(), ..Excerpt::default() };
        let (stdout, stderr) = (excerpt(stdout), excerpt(stderr));
        Outcome { status, stdout, stderr, cpu_ns: 0, wall_ns: 0, memory_bytes: 0 }
    }

    const TRACEBACK: &str = "Traceback (most recent call last):
  File \"main.py\", line 2, in <module>
    solve(x)
  File \"/usr/lib/python3/sympy/solvers.py\", line 1145, in solve
    raise ValueError(x)
ValueError: no
";

    #[test]
    fn each_format_says_what_its_source_says() {
        let ok = outcome(Status::Ok, "1\n2\n", "");
        assert_eq!([numina(&ok), tora(&ok), qwen(&ok)], ["1\n2", "2", "1\n2"]);
        let silent = outcome(Status::Ok, "\n", "");
        assert_eq!([numina(&silent), tora(&silent), qwen(&silent)], ["", "", "Done"]);
        let failed = outcome(Status::Exit(1), "1\n", TRACEBACK);
        assert_eq!([tora(&failed), qwen(&failed)], ["ValueError: no", "ValueError: no"]);
        let own = "Traceback (most recent call last):\n  File \"main.py\", line 2, in <module>\n    \
                   solve(x)\nValueError: no";
        assert_eq!(numina(&failed), own);
    }

    #[test]
    fn what_did_not_end_by_itself_says_why() {
        let slow = outcome(Status::CpuTimeout, "1\n", "");
        assert_eq!([numina(&slow), tora(&slow)], ["Out of CPU time.", "Timeout Error"]);
        let large = outcome(Status::OutOfMemory, "", "");
        assert_eq!([numina(&large), qwen(&large)], ["Out of memory.", "Out of memory"]);
    }
}
