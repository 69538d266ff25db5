//! The word problems that come with the binary: original, three levels, answers exact.
//!
//! Easy ones take one operation, medium ones two or three, hard ones four and more, with percentages,
//! fractions and rates. The levels alternate, so that the first rows are a fair mixture.

/// One JSON object a line: `id`, `level`, `question`, `answer`, and the `solution` as an expression,
/// which no model is shown.
pub const WORD_PROBLEMS: &str = include_str!("../data/word_problems.jsonl");

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::BTreeSet;

    use espalier_core::Answer;
    use serde::Deserialize;

    use super::*;
    use crate::grade::evaluate;
    use crate::{Dataset, DatasetKind, Verdict, grade_item};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        id: String,
        level: String,
        question: String,
        answer: String,
        solution: String,
    }

    fn lines() -> Vec<Line> {
        WORD_PROBLEMS.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_solution_gives_its_answer() {
        for line in lines() {
            let solved = evaluate(&line.solution).unwrap_or_else(|| panic!("`{}`", line.id));
            assert_eq!(Some(solved), evaluate(&line.answer), "{}", line.id);
        }
    }

    #[test]
    fn ids_and_questions_are_unique() {
        let lines = lines();
        let ids: BTreeSet<&str> = lines.iter().map(|line| line.id.as_str()).collect();
        let questions: BTreeSet<&str> = lines.iter().map(|line| line.question.as_str()).collect();
        assert_eq!((ids.len(), questions.len()), (lines.len(), lines.len()));
        assert!(lines.iter().all(|line| line.question.ends_with(['?', '.'])));
    }

    #[test]
    fn every_prefix_mixes_the_levels() {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for level in ["easy", "medium", "hard"] {
            counts.insert(level.to_owned(), 0);
        }
        for line in lines() {
            *counts.get_mut(&line.level).unwrap() += 1;
            let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
            assert!(most - least <= 1, "{}", line.id);
        }
        assert!(counts.values().all(|count| *count >= 22), "{counts:?}");
    }

    #[test]
    fn every_gold_answer_grades_as_itself_and_not_as_its_neighbour() {
        let items = Dataset::builtin().unwrap().items;
        for (item, line) in items.iter().zip(lines()) {
            let verdict = |text: String| grade_item(DatasetKind::Builtin, item, &Answer(text));
            assert_eq!(verdict(line.answer.clone()), Verdict::Equal, "{}", line.id);
            assert_eq!(verdict(format!("{} units", line.answer)), Verdict::Equal, "{}", line.id);
            let more = format!("{} + 1/1000", line.answer);
            assert_eq!(verdict(more), Verdict::NotEqual, "{}", line.id);
        }
    }
}
