//! Items: puzzles as problems of a dataset.
//!
//! The gold answer of a puzzle is its own question: any expression that solves it is right.

use serde_json::{Map, Value};

use super::{Puzzle, PuzzleError, Solver, test_puzzles};
use crate::problem::{Gold, Item, Problem};

/// The target of the Game of 24.
const TARGET: i64 = 24;

/// The column of the puzzles in the Game of 24's list.
const PUZZLES: &str = "Puzzles";

/// The column of their ranks.
const RANK: &str = "Rank";

/// A puzzle as a problem.
#[must_use]
pub fn item(id: String, puzzle: &Puzzle) -> Item {
    let question = puzzle.question();
    Item { gold: Gold::new(question.clone()), problem: Problem::new(id, question, None) }
}

/// The test puzzles of the Game of 24.
pub(crate) fn test_items() -> Vec<Item> {
    let id = |puzzle: &Puzzle| format!("game24-{}", puzzle.start().to_string().replace(' ', "-"));
    test_puzzles().iter().map(|puzzle| item(id(puzzle), puzzle)).collect()
}

/// Reads the rows of a dataset of puzzles: of the Game of 24's list, or of JSON lines.
#[derive(Debug)]
pub(crate) struct Rows {
    layout: Layout,
    solver: Solver,
}

#[derive(Debug)]
enum Layout {
    /// Comma-separated values; the columns where the header has been read.
    Csv(Option<Columns>),
    /// `{"numbers": [..], "target": ..}`.
    Json,
}

#[derive(Debug, Clone, Copy)]
struct Columns {
    puzzles: usize,
    rank: Option<usize>,
}

impl Rows {
    /// Rows of the Game of 24's list, its header first.
    pub(crate) fn csv() -> Self {
        Self { layout: Layout::Csv(None), solver: Solver::new() }
    }

    /// Rows that are JSON objects.
    pub(crate) fn json() -> Self {
        Self { layout: Layout::Json, solver: Solver::new() }
    }

    /// The problem on a line, the `row`-th of its file from 1; `None` for the header.
    ///
    /// # Errors
    ///
    /// What is wrong with the line.
    pub(crate) fn read(&mut self, line: &str, row: usize) -> Result<Option<Item>, String> {
        let (id, puzzle) = match &mut self.layout {
            Layout::Csv(header @ None) => {
                *header = Some(Columns::read(line)?);
                return Ok(None);
            }
            Layout::Csv(Some(columns)) => columns.puzzle(line, row)?,
            Layout::Json => json(line, row)?,
        };
        if self.solver.reachable(&puzzle.start(), puzzle.target()) {
            Ok(Some(item(id, &puzzle)))
        } else {
            Err(format!("`{}` has no solution, leave it out", puzzle.question()))
        }
    }
}

impl Columns {
    fn read(header: &str) -> Result<Self, String> {
        let fields = fields(header.trim_start_matches('\u{feff}'));
        let column = |name| fields.iter().position(|field| field == name);
        match column(PUZZLES) {
            Some(puzzles) => Ok(Self { puzzles, rank: column(RANK) }),
            None => Err(format!("the header has no column `{PUZZLES}`")),
        }
    }

    fn puzzle(self, line: &str, row: usize) -> Result<(String, Puzzle), String> {
        let fields = fields(line);
        let text = fields
            .get(self.puzzles)
            .ok_or_else(|| format!("there is no column `{PUZZLES}`, only {}", fields.len()))?;
        let number = |word: &str| {
            let bad = |_| format!("`{word}` in the column `{PUZZLES}` is not a whole number");
            word.parse::<i64>().map_err(bad)
        };
        let numbers = text.split_whitespace().map(number).collect::<Result<Vec<_>, _>>()?;
        let rank = match self.rank.and_then(|rank| fields.get(rank)) {
            None => row,
            Some(rank) => rank
                .parse()
                .map_err(|_| format!("`{rank}` in the column `{RANK}` is not a whole number"))?,
        };
        Ok((format!("game24-{rank:04}"), puzzle(&numbers, TARGET)?))
    }
}

/// The fields of a line; one in quotes may hold commas.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in line.trim().chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().expect("one field at least").push(c),
        }
    }
    fields.iter().map(|field| field.trim().to_owned()).collect()
}

fn json(line: &str, row: usize) -> Result<(String, Puzzle), String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("not JSON, {error}"))?;
    let Value::Object(fields) = value else { return Err("not a JSON object".to_owned()) };
    let Value::Array(numbers) = required(&fields, "numbers")? else {
        return Err("field `numbers` is not a list".to_owned());
    };
    let whole = |name: &str, value: &Value| {
        value.as_i64().ok_or_else(|| format!("`{value}` in field `{name}` is not a whole number"))
    };
    let numbers = numbers.iter().map(|n| whole("numbers", n)).collect::<Result<Vec<_>, _>>()?;
    let target = whole("target", required(&fields, "target")?)?;
    Ok((format!("countdown-{row:04}"), puzzle(&numbers, target)?))
}

fn required<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a Value, String> {
    fields.get(name).ok_or_else(|| format!("field `{name}` is missing"))
}

fn puzzle(numbers: &[i64], target: i64) -> Result<Puzzle, String> {
    Puzzle::new(numbers, target).map_err(|error: PuzzleError| error.to_string())
}
