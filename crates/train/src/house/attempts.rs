//! Attempts: what a reviser learns from, answers that a policy wrote itself and a right one after them.

use espalier_core::{Clock, Policy, Seed};
use espalier_eval::countdown::{ANSWER_MARK, Puzzle, is_correct, pick_from, render};
use espalier_search::{SelfConsistency, Strategy, Tree};

use super::data::{Pick, Source, prompt};
use super::growth::{Growth, failed, grow};
use crate::error::TrainError;
use crate::examples::Supervised;

/// Answers that the policy writes to each puzzle.
const ANSWERS: u32 = 8;

/// Attempts that an example shows, at most.
///
/// Source: Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 6.1: up to four.
const SHOWN: usize = 4;

/// Examples made of each puzzle.
const EXAMPLES: usize = 3;

/// Has the policy answer each puzzle, and returns examples of what to write after none to four of its
/// answers: the newest right one of them, where there is one; else a right one that is not among them, of
/// the policy's own or drawn evenly from all there are. Examples of more than `longest` tokens are left
/// out, and so are puzzles without a solution.
///
/// Source: Snell et al. 2024, <https://arxiv.org/abs/2408.03314>, section 6.1.
///
/// Deviations:
/// - The paper shows wrong answers alone, and at test time its model spoils 38 % of right ones. Here right
///   ones are among them, and are to be kept: the model is asked to merge answers, too.
/// - The last wrong answer is not chosen to be like the right one that follows.
///
/// # Errors
///
/// [`TrainError::Search`] where the policy fails.
#[expect(clippy::missing_panics_doc, reason = "the number of answers is not 0")]
pub fn attempts(
    policy: &mut dyn Policy,
    puzzles: &[Puzzle],
    how: Growth,
    longest: usize,
    source: &mut Source,
    clock: &dyn Clock,
) -> Result<Vec<Supervised>, TrainError> {
    let answers = || -> Box<dyn Strategy> {
        Box::new(SelfConsistency::new(ANSWERS).expect("the number is not 0"))
    };
    let trees = grow(policy, None, puzzles, &answers, how, clock)?;
    let mut all = Vec::new();
    for ((index, puzzle), tree) in puzzles.iter().enumerate().zip(&trees) {
        let written = written(tree);
        let mut pick = pick_from(Seed::run(how.seed).fold(index as u64));
        for _ in 0..EXAMPLES {
            let Some((shown, completion)) = lesson(puzzle, &written, source, &mut pick) else {
                break;
            };
            let prompt = shown.iter().fold(prompt(puzzle), |text, answer| text + answer + "\n");
            let text = format!("{prompt}{completion}");
            let ids = policy.encode(&text).map_err(|error| failed(puzzle, error.to_string()))?;
            // The token that ends it comes with it.
            if ids.len() < longest {
                let completion = Some(completion);
                all.push(Supervised { prompt, completion, ..Supervised::default() });
            }
        }
    }
    Ok(all)
}

/// The answers of a tree, as a reviser reads them: lines of moves, then the result. Others say nothing.
fn written(tree: &Tree) -> Vec<String> {
    let ended = tree.ids().filter(|&id| tree.ended(id)).map(|id| tree.path(id).text());
    let is_whole = |text: &String| {
        let (moves, last) = text.rsplit_once('\n').unwrap_or(("", text));
        last.starts_with(ANSWER_MARK) && moves.lines().all(|line| line.contains(" left "))
    };
    ended.map(|text| text.trim_end().to_owned()).filter(is_whole).collect()
}

/// Attempts, the newest last, and what to write after them; `None` where the puzzle has no solution.
fn lesson<'a>(
    puzzle: &Puzzle,
    written: &'a [String],
    source: &mut Source,
    pick: Pick<'_>,
) -> Option<(Vec<&'a String>, String)> {
    let is_right = |text: &String| text.lines().last().is_some_and(|line| is_correct(puzzle, line));
    let (mut shown, mut others): (Vec<&String>, Vec<&String>) =
        (Vec::new(), written.iter().collect());
    for _ in 0..pick(SHOWN + 1).min(written.len()) {
        shown.push(others.swap_remove(pick(others.len())));
    }
    if let Some(kept) = shown.iter().rev().find(|text| is_right(text)) {
        let kept = (*kept).clone();
        return Some((shown, kept));
    }
    others.retain(|text| is_right(text));
    if !others.is_empty() && pick(2) == 0 {
        return Some((shown, others[pick(others.len())].clone()));
    }
    let moves = source.solution(puzzle, pick)?;
    Some((shown, render(puzzle, &moves)?.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str =
        "8 - 5 = 3 left 3 3 4\n3 + 3 = 6 left 4 6\n4 * 6 = 24 left 24\n#ANSWER: 4 * ((8 - 5) + 3)";
    const WRONG: &str = "3 + 4 = 7 left 5 7 8\n5 + 7 = 12 left 8 12\n8 + 12 = 20 left 20\n#ANSWER: 8 + (5 + (3 + 4))";

    #[test]
    fn a_right_attempt_is_kept_and_wrong_ones_are_followed_by_a_right_one() {
        let puzzle = Puzzle::new(&[3, 4, 5, 8], 24).unwrap();
        let written = [WRONG, RIGHT, WRONG, WRONG].map(str::to_owned);
        let mut source = Source::new().unwrap();
        let mut pick = pick_from(Seed::run(5));
        let (mut kept, mut found, mut counts) = (0, 0, [0; SHOWN + 1]);
        for _ in 0..300 {
            let (shown, completion) = lesson(&puzzle, &written, &mut source, &mut pick).unwrap();
            assert!(is_correct(&puzzle, completion.lines().last().unwrap()), "{completion}");
            counts[shown.len()] += 1;
            if shown.iter().any(|text| *text == RIGHT) {
                assert_eq!(completion, RIGHT);
                kept += 1;
            } else {
                found += 1;
            }
        }
        assert!(kept > 50 && found > 50, "{kept} {found}");
        assert!(counts.iter().all(|count| *count > 30), "{counts:?}");
    }

    #[test]
    fn a_puzzle_without_a_solution_teaches_nothing() {
        let puzzle = Puzzle::new(&[1, 1, 1, 1], 24).unwrap();
        let mut source = Source::new().unwrap();
        let mut pick = pick_from(Seed::run(6));
        assert_eq!(lesson(&puzzle, &[WRONG.to_owned()], &mut source, &mut pick), None);
    }
}
