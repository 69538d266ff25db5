//! Datasets: problems with gold answers, built in or read from files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::builtin;
use crate::countdown::{self, CountdownVerifier, PuzzleRows};
use crate::problem::{Gold, Item, Problem};

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
}

impl DatasetKind {
    /// How its answers are written.
    #[must_use]
    pub fn form(self) -> AnswerForm {
        match self {
            Self::Builtin | Self::Gsm8k => AnswerForm::Number,
            Self::Math500 => AnswerForm::Latex,
            Self::Game24 | Self::Countdown => AnswerForm::Expression,
        }
    }

    /// What checks its answers by what the problems themselves say, without gold.
    #[must_use]
    pub fn verifier(self) -> Option<CountdownVerifier> {
        matches!(self, Self::Game24 | Self::Countdown).then_some(CountdownVerifier)
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
type Parts = (String, String, Option<String>, String);

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

fn required(fields: &Map<String, Value>, name: &str) -> Result<String, String> {
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
mod tests {
    use super::*;

    fn parse(kind: DatasetKind, text: &str) -> Result<Dataset, String> {
        Dataset::parse(kind, Path::new("d.jsonl"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_both_layouts() {
        let gsm = r#"{"question": "How many?", "answer": "2 + 2 = 4\n#### 1,234"}"#;
        let gsm = parse(DatasetKind::Gsm8k, gsm).unwrap();
        assert_eq!(gsm.items[0].gold.text(), "1,234");
        assert_eq!(gsm.items[0].problem.id, "gsm8k-0001");
        let math = r#"{"problem": "p", "answer": "\\frac12", "subject": "s", "level": 2, "unique_id": "test/1"}"#;
        let math = parse(DatasetKind::Math500, math).unwrap();
        assert_eq!(math.items[0].problem.level.as_deref(), Some("2"));
        assert_eq!(math.items[0].gold.text(), r"\frac12");
    }

    #[test]
    fn a_broken_line_is_named_with_what_it_lacks() {
        let good = r#"{"question": "q", "answer": "\n#### 1"}"#;
        for (line, problem) in [
            (r#"{"question": "q"}"#, "field `answer` is missing"),
            (
                r#"{"question": "q", "answer": "7"}"#,
                "`answer` has no `####` before its final number",
            ),
            (r#"{"question": " ", "answer": "a\n#### 7"}"#, "field `question` is empty"),
            (r#"{"question": "q", "answer": "7 #### "}"#, "the gold answer is empty"),
            (
                r#"{"question": ["q"], "answer": "7 #### 7"}"#,
                "field `question` is neither text nor a number",
            ),
            ("[1]", "not a JSON object"),
        ] {
            let error = parse(DatasetKind::Gsm8k, &format!("{good}\n\n{line}\n")).unwrap_err();
            assert_eq!(
                error,
                format!("`d.jsonl` line 3: {problem}; expected a line in the `gsm8k` layout")
            );
        }
        let error = parse(DatasetKind::Gsm8k, "{\"question\": \"q\"").unwrap_err();
        assert!(error.starts_with("`d.jsonl` line 1: not JSON, EOF while parsing"), "{error}");
        assert!(parse(DatasetKind::Gsm8k, "\n \n").unwrap_err().contains("is empty"));
    }

    #[test]
    fn puzzles_are_read_from_the_papers_list() {
        let csv = "Rank,Puzzles,AMT (s)\n7,1 1 4 6,\"4,4\"\n\n8,10 4 6 5,5\n";
        let data = parse(DatasetKind::Game24, csv).unwrap();
        let both = |item: &Item| (item.problem.id.clone(), item.problem.question.clone());
        assert_eq!(both(&data.items[0]), ("game24-0007".into(), "Reach 24 with 1 1 4 6".into()));
        assert_eq!(both(&data.items[1]), ("game24-0008".into(), "Reach 24 with 4 5 6 10".into()));
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/game24/24.csv");
        if !Path::new(path).exists() {
            eprintln!("SKIPPED: `{path}` is not there to be read");
            return;
        }
        let paper = Dataset::read(DatasetKind::Game24, Path::new(path)).unwrap();
        let paper = paper.select(Some(Rows { first: 901, last: 1000 }), None).unwrap();
        let questions = |items: &[Item]| -> Vec<String> {
            items.iter().map(|item| item.problem.question.clone()).collect()
        };
        assert_eq!(questions(&paper.items), questions(&Dataset::game24().items[..100]));
        assert_eq!(paper.items[0].problem.id, "game24-0901");
        assert_eq!(Dataset::game24().items[0].problem.id, "game24-4-5-6-10");
    }

    #[test]
    fn countdown_rows_have_numbers_and_a_target() {
        let data = parse(DatasetKind::Countdown, r#"{"numbers": [9, 7], "target": 63}"#).unwrap();
        assert_eq!(data.items[0].problem.question, "Reach 63 with 7 9");
        assert_eq!(data.items[0].problem.id, "countdown-0001");
    }

    #[test]
    fn a_line_that_is_no_puzzle_says_why() {
        for (kind, text, problem) in [
            (DatasetKind::Game24, "Rank,Puzzle", "line 1: the header has no column `Puzzles`"),
            (
                DatasetKind::Game24,
                "Rank,Puzzles\n1",
                "line 2: there is no column `Puzzles`, only 1",
            ),
            (DatasetKind::Game24, "Puzzles\n1 x", "`x` in the column `Puzzles` is not a whole"),
            (DatasetKind::Game24, "Rank,Puzzles\nr,4 6", "`r` in the column `Rank` is not a whole"),
            (DatasetKind::Game24, "Puzzles\n4", "a puzzle of `1` numbers"),
            (DatasetKind::Game24, "Puzzles\n1 1 1 1", "`Reach 24 with 1 1 1 1` has no solution"),
            (
                DatasetKind::Game24,
                "Rank,Puzzles\n1,4 6\n1,3 8",
                "line 3: id `game24-0001` was used",
            ),
            (DatasetKind::Game24, "Rank,Puzzles\n", "is empty"),
            (DatasetKind::Countdown, r#"{"target": 3}"#, "field `numbers` is missing"),
            (DatasetKind::Countdown, r#"{"numbers": 3}"#, "field `numbers` is not a list"),
            (DatasetKind::Countdown, r#"{"numbers": [1, 2]}"#, "field `target` is missing"),
            (
                DatasetKind::Countdown,
                r#"{"numbers": [1.5], "target": 3}"#,
                "`1.5` in field `numbers`",
            ),
            (DatasetKind::Countdown, r#"{"numbers": [1, 2], "target": 0}"#, "target `0` is out of"),
            (DatasetKind::Countdown, "[1]", "not a JSON object"),
        ] {
            let error = parse(kind, text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn ids_are_unique() {
        let line = r#"{"problem": "p", "answer": "1", "unique_id": "x"}"#;
        let error = parse(DatasetKind::Math500, &format!("{line}\n{line}")).unwrap_err();
        assert!(error.contains("line 2: id `x` was used before"), "{error}");
    }

    #[test]
    fn rows_then_limit() {
        let all = Dataset::builtin().unwrap();
        let ids = |data: &Dataset| -> Vec<String> {
            data.items.iter().map(|item| item.problem.id.clone()).collect()
        };
        let some = all.clone().select(Some(Rows { first: 2, last: 5 }), Some(3)).unwrap();
        assert_eq!(ids(&some), ids(&all)[1..4]);
        assert_ne!(some.sha256, all.sha256);
        let len = all.items.len();
        let error = all.clone().select(Some(Rows { first: 1, last: len + 1 }), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("rows 1-{} are out of range: the dataset has {len} rows", len + 1)
        );
        assert!(all.select(None, Some(0)).is_err());
        for text in ["", "5", "0-2", "3-2", "a-b", "-1-2", "1-"] {
            assert!(text.parse::<Rows>().is_err(), "{text}");
        }
    }
}
