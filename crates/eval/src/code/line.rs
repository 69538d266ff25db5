//! Lines of a file in the layout of `HumanEval`.

use serde_json::{Map, Value};

use super::Task;
use crate::dataset::{Parts, required};

/// Reads a task: `task_id`, `prompt`, `entry_point` and `test`. `canonical_solution` is not needed.
///
/// # Errors
///
/// What is missing, or that the prompt does not end with the function that is tested.
pub(crate) fn parts(fields: &Map<String, Value>, _: usize) -> Result<Parts, String> {
    let [id, question, name, test] =
        ["task_id", "prompt", "entry_point", "test"].map(|name| required(fields, name));
    let (id, question, name, test) = (id?, question?, name?, test?);
    let task = Task::parse(&question).ok_or_else(|| {
        "`prompt` begins no function: no line of it starts with `def `".to_owned()
    })?;
    if task.name() != name {
        return Err(format!(
            "`entry_point` is `{name}`, but the last function that `prompt` begins is `{}`",
            task.name()
        ));
    }
    if !test.lines().any(|line| line.starts_with("def check(")) {
        return Err("`test` defines no function `check`".to_owned());
    }
    let gold = format!("{}\n\ncheck({name})", test.trim_end());
    Ok((id, question, None, gold))
}
