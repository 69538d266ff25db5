//! Datasets: problems with gold answers, built in or read from files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::countdown::{self, PuzzleRows};
use crate::problem::{Gold, Item, Problem};
use crate::{builtin, code};

/// The layouts of datasets that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatasetKind {
    /// The word problems that come with the binary.
    Builtin,
    /// `{"question", "answer"}`, the answer ending in `#### 18`.
    ///
    /// Source: Cobbe et al. 2021, <https://arxiv.org/abs/2110.14168>.
    Gsm8k,
    /// `{"problem", "answer", "level", "unique_id"}`, answers in LaTeX.
    ///
    /// Source: Lightman et al. 2023, <https://arxiv.org/abs/2305.20050>; MATH: Hendrycks et al. 2021,
    /// <https://arxiv.org/abs/2103.03874>.
    Math500,
    /// The Game of 24: a header with the column `Puzzles`, then comma-separated rows such as
    /// `901,4 5 6 10,…`. Without a file, the test puzzles of [`countdown::split()`].
    ///
    /// Source: Yao et al. 2023, section 4.1, <https://arxiv.org/abs/2305.10601>; the layout is that of
    /// `24.csv` in princeton-nlp/tree-of-thought-llm.
    Game24,
    /// Countdown: `{"numbers": [4, 5, 6, 10], "target": 24}`.
    Countdown,
    /// `{"task_id", "prompt", "entry_point", "test"}`: functions to complete, graded by running their tests.
    ///
    /// Source: Chen et al. 2021, section 2.2, <https://arxiv.org/abs/2107.03374>.
    #[serde(rename = "humaneval")]
    HumanEval,
}

/// How answers of a dataset are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerForm {
    /// Always one number; where nothing marks the answer, the last number is it.
    Number,
    /// LaTeX: numbers, tuples, sets, intervals, polynomials, words.
    Latex,
    /// An expression over the puzzle's numbers, after `#ANSWER:`.
    Expression,
    /// A Python function, in a block of code.
    Function,
}

impl DatasetKind {
    /// How its answers are written.
    #[must_use]
    pub fn form(self) -> AnswerForm {
        match self {
            Self::Builtin | Self::Gsm8k => AnswerForm::Number,
            Self::Math500 => AnswerForm::Latex,
            Self::Game24 | Self::Countdown => AnswerForm::Expression,
            Self::HumanEval => AnswerForm::Function,
        }
    }

    /// Whether its answers can be checked by what the problems themselves say, without gold.
    #[must_use]
    pub fn is_verifiable(self) -> bool {
        matches!(self.form(), AnswerForm::Expression | AnswerForm::Function)
    }

    /// Whether its answers are programs, which only a sandbox can check and grade.
    #[must_use]
    pub fn is_run(self) -> bool {
        self.form() == AnswerForm::Function
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Gsm8k => "gsm8k",
            Self::Math500 => "math500",
            Self::Game24 => "game24",
            Self::Countdown => "countdown",
            Self::HumanEval => "humaneval",
        }
    }
}

/// Rows of a dataset, 1-based, both ends included.
///
/// ```
/// use espalier_eval::Rows;
/// let rows: Rows = "901-1000".parse().unwrap();
/// assert_eq!((rows.first, rows.last), (901, 1000));
/// assert!("0-3".parse::<Rows>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// The first row; at least 1.
    pub first: usize,
    /// The last row; at least `first`.
    pub last: usize,
}

impl FromStr for Rows {
    type Err = DatasetError;

    fn from_str(text: &str) -> Result<Self, DatasetError> {
        let bad = || DatasetError::RowsSyntax { text: text.to_owned() };
        let (first, last) = text.split_once('-').ok_or_else(bad)?;
        let number = |part: &str| part.trim().parse::<usize>().map_err(|_| bad());
        let (first, last) = (number(first)?, number(last)?);
        if first == 0 || last < first { Err(bad()) } else { Ok(Self { first, last }) }
    }
}

/// Why a dataset cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The file cannot be read.
    #[error("cannot read dataset `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line is not what the layout says.
    #[error("`{}` line {line}: {problem}; expected a line in the `{kind}` layout", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
        /// The layout.
        kind: &'static str,
    },
    /// The file has no problem.
    #[error("dataset `{}` is empty: give a file with one problem a line", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// `--rows` cannot be read.
    #[error(
        "rows `{text}` are not a range: write `first-last` with 1 <= first <= last, such as 1-100"
    )]
    RowsSyntax {
        /// What was written.
        text: String,
    },
    /// `--rows` asks for rows that do not exist.
    #[error("rows {}-{} are out of range: the dataset has {len} rows", rows.first, rows.last)]
    RowsRange {
        /// The rows asked for.
        rows: Rows,
        /// Rows there are.
        len: usize,
    },
    /// A limit of zero.
    #[error("limit `0` leaves no problem: give at least 1")]
    NoLimit,
}

/// A dataset in memory.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Its layout.
    pub kind: DatasetKind,
    /// Its problems, in the order of the file.
    pub items: Vec<Item>,
    /// SHA-256 of all questions and gold answers in `items`, in hexadecimal.
    pub sha256: String,
}

impl Dataset {
    /// The built-in word problems.
    ///
    /// # Errors
    ///
    /// [`DatasetError::Line`] if the file built into the binary is broken.
    pub fn builtin() -> Result<Self, DatasetError> {
        Self::parse(DatasetKind::Builtin, Path::new("word_problems.jsonl"), builtin::WORD_PROBLEMS)
    }

    /// The test puzzles of the Game of 24: the tree-of-thoughts paper's hundred first.
    #[must_use]
    pub fn game24() -> Self {
        let items = countdown::test_items();
        Self { kind: DatasetKind::Game24, sha256: digest(&items), items }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`DatasetError`] says which line is broken and what is missing from it.
    pub fn read(kind: DatasetKind, path: &Path) -> Result<Self, DatasetError> {
        let text = fs::read_to_string(path)
            .map_err(|source| DatasetError::Read { path: path.to_owned(), source })?;
        Self::parse(kind, path, &text)
    }

    /// Reads the text of a file; `path` is for errors.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn parse(kind: DatasetKind, path: &Path, text: &str) -> Result<Self, DatasetError> {
        let mut items = Vec::new();
        let mut ids = BTreeSet::new();
        let mut read = reader(kind);
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let line_error = |problem: String| DatasetError::Line {
                path: path.to_owned(),
                line: index + 1,
                problem,
                kind: kind.name(),
            };
            let Some(item) = read(line, items.len() + 1).map_err(line_error)? else { continue };
            if !ids.insert(item.problem.id.clone()) {
                return Err(line_error(format!("id `{}` was used before", item.problem.id)));
            }
            items.push(item);
        }
        if items.is_empty() {
            return Err(DatasetError::Empty { path: path.to_owned() });
        }
        Ok(Self { kind, sha256: digest(&items), items })
    }

    /// Keeps `rows`, then the first `limit` of them.
    ///
    /// # Errors
    ///
    /// [`DatasetError::RowsRange`] for rows that do not exist, [`DatasetError::NoLimit`] for a limit of 0.
    pub fn select(
        mut self,
        rows: Option<Rows>,
        limit: Option<usize>,
    ) -> Result<Self, DatasetError> {
        if let Some(rows) = rows {
            let len = self.items.len();
            if rows.last > len {
                return Err(DatasetError::RowsRange { rows, len });
            }
            self.items = self.items.drain(rows.first - 1..rows.last).collect();
        }
        match limit {
            Some(0) => return Err(DatasetError::NoLimit),
            Some(limit) => self.items.truncate(limit),
            None => {}
        }
        self.sha256 = digest(&self.items);
        Ok(self)
    }
}

/// Reads a line, the `row`-th from 1; `None` for a header.
type ReadLine = Box<dyn FnMut(&str, usize) -> Result<Option<Item>, String>>;

/// What a JSON object says: id, question, level, gold answer.
pub(crate) type Parts = (String, String, Option<String>, String);

fn reader(kind: DatasetKind) -> ReadLine {
    let puzzles =
        |mut rows: PuzzleRows| -> ReadLine { Box::new(move |line, row| rows.read(line, row)) };
    let words = |parts: fn(&Map<String, Value>, usize) -> Result<Parts, String>| -> ReadLine {
        Box::new(move |line, row| item(line, row, parts).map(Some))
    };
    match kind {
        DatasetKind::Builtin => words(builtin_parts),
        DatasetKind::Gsm8k => words(gsm8k_parts),
        DatasetKind::Math500 => words(math500_parts),
        DatasetKind::HumanEval => words(code::parts),
        DatasetKind::Game24 => puzzles(PuzzleRows::csv()),
        DatasetKind::Countdown => puzzles(PuzzleRows::json()),
    }
}

fn item(
    line: &str,
    row: usize,
    parts: fn(&Map<String, Value>, usize) -> Result<Parts, String>,
) -> Result<Item, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("not JSON, {error}"))?;
    let Value::Object(fields) = value else { return Err("not a JSON object".to_owned()) };
    let (id, question, level, gold) = parts(&fields, row)?;
    let gold = gold.trim();
    if gold.is_empty() {
        return Err("the gold answer is empty".to_owned());
    }
    Ok(Item { problem: Problem::new(id, question, level), gold: Gold::new(gold.to_owned()) })
}

fn builtin_parts(fields: &Map<String, Value>, _: usize) -> Result<Parts, String> {
    let [id, question, gold] = ["id", "question", "answer"].map(|name| required(fields, name));
    Ok((id?, question?, optional(fields, "level")?, gold?))
}

fn gsm8k_parts(fields: &Map<String, Value>, row: usize) -> Result<Parts, String> {
    let solution = required(fields, "answer")?;
    let (_, gold) = solution
        .rsplit_once("####")
        .ok_or_else(|| "`answer` has no `####` before its final number".to_owned())?;
    Ok((format!("gsm8k-{row:04}"), required(fields, "question")?, None, gold.to_owned()))
}

fn math500_parts(fields: &Map<String, Value>, row: usize) -> Result<Parts, String> {
    let id = optional(fields, "unique_id")?.unwrap_or_else(|| format!("math-{row:04}"));
    let [question, gold] = ["problem", "answer"].map(|name| required(fields, name));
    Ok((id, question?, optional(fields, "level")?, gold?))
}

pub(crate) fn required(fields: &Map<String, Value>, name: &str) -> Result<String, String> {
    optional(fields, name)?.ok_or_else(|| format!("field `{name}` is missing"))
}

fn optional(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => {
            Err(format!("field `{name}` is empty"))
        }
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(format!("field `{name}` is neither text nor a number")),
    }
}

fn digest(items: &[Item]) -> String {
    let mut sha = Sha256::new();
    for item in items {
        for text in [&item.problem.id, &item.problem.question, item.gold.text()] {
            sha.update((text.len() as u64).to_le_bytes());
            sha.update(text.as_bytes());
        }
    }
    sha.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
