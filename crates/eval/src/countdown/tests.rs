//! Laws of the game, over all its puzzles or many drawn ones.

use std::collections::BTreeSet;
use std::path::Path as FilePath;
use std::sync::Arc;

use espalier_core::{Finish, Path, Prompt, Seed, Step, Verdict, Verifier};
use proptest::prelude::*;

use super::*;

fn numbers(values: &[i64]) -> Numbers {
    Numbers::of_integers(values).unwrap()
}

fn ranges() -> Ranges {
    Ranges { sizes: 3..=5, numbers: 1..=25, targets: 1..=100 }
}

/// A drawn puzzle and a solution of it.
fn solved(seed: u64) -> (Puzzle, Vec<Move>) {
    let mut generator = Generator::new(ranges()).unwrap();
    let mut pick = pick_from(Seed::run(seed));
    let puzzle = generator.puzzle(&mut pick).unwrap();
    let moves = generator.path(&puzzle, &mut pick).unwrap();
    (puzzle, moves)
}

/// All values that trees over the given leaves can take: independent of moves and states.
fn values_of(leaves: &[Number]) -> BTreeSet<Number> {
    if let [leaf] = leaves {
        return BTreeSet::from([*leaf]);
    }
    let mut values = BTreeSet::new();
    for mask in 1..(1_usize << leaves.len()) - 1 {
        let side = |wanted: usize| -> Vec<Number> {
            (0..leaves.len()).filter(|at| mask >> at & 1 == wanted).map(|at| leaves[at]).collect()
        };
        for a in values_of(&side(1)) {
            for b in values_of(&side(0)) {
                values.extend([a + b, a - b, a * b]);
                if b != Number::from_integer(0) {
                    values.insert(a / b);
                }
            }
        }
    }
    values
}

#[test]
fn the_solvable_games_are_those_of_the_list() {
    assert_eq!(all_game24().len(), 1362);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/game24/24.csv");
    let Ok(text) = std::fs::read_to_string(FilePath::new(file)) else {
        eprintln!("SKIPPED: `{file}` is not there to compare with");
        return;
    };
    let listed: BTreeSet<[i64; 4]> = text
        .lines()
        .skip(1)
        .map(|line| {
            let numbers = line.split(',').nth(1).unwrap().split(' ');
            numbers.map(|n| n.parse().unwrap()).collect::<Vec<i64>>().try_into().unwrap()
        })
        .collect();
    assert_eq!(all_game24().iter().copied().collect::<BTreeSet<_>>(), listed);
}

#[test]
fn the_solver_finds_what_trees_of_three_and_four_numbers_can_be() {
    let mut solver = Solver::new();
    let cases = [[1, 1, 1, 1], [3, 3, 8, 8], [1, 5, 5, 5], [2, 3, 5, 12], [13, 13, 13, 12]];
    let threes = (1..=7).flat_map(|a| (a..=7).flat_map(move |b| (b..=7).map(move |c| [a, b, c])));
    for leaves in threes.map(|three| three.to_vec()).chain(cases.map(|four| four.to_vec())) {
        let state = numbers(&leaves);
        let values = values_of(state.values());
        for target in -10..=60 {
            let expected = values.contains(&Number::from_integer(target));
            assert_eq!(solver.reachable(&state, target), expected, "{target} with {state}");
        }
    }
}

#[test]
fn negative_results_are_legal_and_not_plain() {
    let state = numbers(&[3, 5]);
    let moves: Vec<String> = state.moves().iter().map(Move::to_string).collect();
    let expected = ["3 + 5 = 8", "3 - 5 = -2", "5 - 3 = 2", "3 * 5 = 15", "3 / 5 = 3/5"];
    assert_eq!(moves[..5], expected);
    assert_eq!(moves[5..], ["5 / 3 = 5/3"]);
    assert_eq!(state.moves().iter().filter(|made| !made.is_plain()).count(), 1);
    assert_eq!(numbers(&[4, 4, 4]).moves().len(), 4);
    let mut solver = Solver::new();
    let state = Numbers::new(&[Number::from_integer(-2), Number::from_integer(3)]).unwrap();
    assert!(solver.reachable(&state, -6) && !solver.plain_reachable(&state, -6));
}

#[test]
fn train_and_test_are_disjoint_and_all() {
    let (test, train) = (test_puzzles(), train_puzzles());
    let four = |puzzle: &Puzzle| -> [i64; 4] { puzzle.numbers().try_into().unwrap() };
    assert_eq!(four(&test[0]), [4, 5, 6, 10]);
    assert_eq!(four(&test[99]), [4, 9, 10, 13]);
    assert!(test[100..].is_sorted() && train.is_sorted());
    assert!((200..=270).contains(&test.len()), "{}", test.len());
    let both: BTreeSet<[i64; 4]> = test.iter().chain(&train).map(four).collect();
    assert_eq!(both.len(), test.len() + train.len());
    assert_eq!(both.into_iter().collect::<Vec<_>>(), all_game24());
    assert!(test.iter().all(|puzzle| poses_test_puzzle(&puzzle.start(), 24)));
    assert!(!train.iter().any(|puzzle| poses_test_puzzle(&puzzle.start(), 24)));
    assert!(!poses_test_puzzle(&test[0].start(), 25));
    assert_eq!(split(&[10, 6, 5, 4]), Split::Test);
}

#[test]
fn paths_that_pose_a_test_puzzle_are_known() {
    let puzzle = Puzzle::new(&[4, 5, 6, 3, 7], 24).unwrap();
    let made = Move::new(Number::from_integer(3), Op::Add, Number::from_integer(7)).unwrap();
    assert!(path_poses_test_puzzle(&puzzle, &[made]));
    assert!(!path_poses_test_puzzle(&puzzle, &[]));
}

#[test]
fn generated_puzzles_never_pose_test_puzzles() {
    for (targets, seed) in [(24..=24, 1), (1..=100, 2)] {
        let mut generator = Generator::new(Ranges { targets, ..ranges() }).unwrap();
        let mut pick = pick_from(Seed::run(seed));
        for _ in 0..300 {
            let puzzle = generator.puzzle(&mut pick).unwrap();
            let moves = generator.path(&puzzle, &mut pick).unwrap();
            assert!(!path_poses_test_puzzle(&puzzle, &moves), "{}", puzzle.question());
        }
    }
}

#[test]
fn ranges_that_hold_no_puzzle_are_refused() {
    let refused = |ranges| Generator::new(ranges).unwrap_err().to_string();
    assert!(refused(Ranges { sizes: 3..=7, ..ranges() }).starts_with("a puzzle of `7` numbers"));
    assert!(refused(Ranges { numbers: 0..=9, ..ranges() }).starts_with("number `0` is out of"));
    #[expect(clippy::reversed_empty_ranges, reason = "the empty range is the case")]
    let empty = Ranges { targets: 9..=1, ..ranges() };
    assert!(refused(empty).starts_with("the range of `targets` is empty"));
    let ones = Ranges { sizes: 2..=2, numbers: 1..=1, targets: 999..=999 };
    let none = Generator::new(ones).unwrap().puzzle(&mut |_| 0);
    assert_eq!(none, Err(GenerateError::Unsolvable));
}

#[test]
fn the_answer_puts_steps_into_one_another() {
    let puzzle = Puzzle::new(&[4, 5, 6, 10], 24).unwrap();
    let text = "10 - 6 = 4 left 4 4 5\n4 * 5 = 20 left 4 20\n20 + 4 = 24 left 24\n";
    let mut state = puzzle.start();
    let mut moves = Vec::new();
    for line in text.lines() {
        moves.push(StepLine::parse(line).unwrap().made);
        state = check_step(&state, line).unwrap();
    }
    let steps = render(&puzzle, &moves).unwrap();
    assert_eq!(steps.concat(), format!("{text}#ANSWER: ((10 - 6) * 5) + 4"));
    assert_eq!(answer_line(&puzzle, &moves[..2]), None);
}

#[test]
fn only_what_is_exact_is_correct() {
    let puzzle = Puzzle::new(&[3, 3, 8, 8], 24).unwrap();
    for right in ["8 / (3 - (8 / 3))", "8÷(3−8÷3)", " 8/ (3 - 8/3) = 24 ", "((8))/(3-(8/3))"] {
        assert!(is_correct(&puzzle, right), "{right}");
    }
    let deep = format!("{}8{} / (3 - 8 / 3)", "(".repeat(40), ")".repeat(40));
    for wrong in [
        "",
        "24",
        "3 * 8",
        "8 * 3 + 3 - 8",
        "8 / (3 - 8 / 3) = 25",
        "8 / (3 - 8 / 3",
        "8 8 3 3",
        "8 / (3 - 8 / 3) = 12 + 12",
        "8 / (8 - 8) + 3 + 3",
        "-8 / (8 / 3 - 3)",
        "8.0 / (3 - 8 / 3)",
        "99999999999999999999",
        "8 / (3 - 8 / 3))",
        &deep,
    ] {
        assert!(!is_correct(&puzzle, wrong), "{wrong}");
    }
}

#[test]
fn verdicts_are_those_of_the_papers_logs() {
    let file =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/grading/game24_tot_logs.jsonl");
    let Ok(text) = std::fs::read_to_string(FilePath::new(file)) else {
        eprintln!("SKIPPED: `{file}` is not there to compare with");
        return;
    };
    let mut right = 0;
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let puzzle = Puzzle::parse(&format!("Reach 24 with {}", row["gold"].as_str().unwrap()));
        let answer = row["pred"].as_str().unwrap().trim_end().lines().next_back().unwrap_or("");
        let answer = answer.strip_prefix("Answer: ").unwrap_or(answer);
        let correct = is_correct(&puzzle.unwrap(), answer);
        assert_eq!(correct, row["expected"].as_bool().unwrap(), "{line}");
        right += usize::from(correct);
    }
    assert!(right > 0, "the logs have right answers");
}

#[test]
fn the_verifier_judges_by_what_is_written() {
    let path = |problem: &str, text: &str, finish| {
        let step = Step {
            tokens: vec![1].into(),
            text: text.to_owned(),
            stats: Vec::new(),
            alternatives: Vec::new(),
            observed: None,
            finish,
        };
        let prompt = Prompt { problem: problem.to_owned(), tokens: vec![0].into() };
        Path { prompt: Arc::new(prompt), steps: vec![Arc::new(step)] }
    };
    let ask = "Rules.\n\nReach 24 with 2 3 4";
    for (text, verdict) in [
        ("", Verdict::Unknown),
        ("2 + 3 = 5 left 4 5\n", Verdict::Unknown), // a dead end is no evidence
        ("2 + 3 = 6 left 4 6\n", Verdict::Fail),
        ("2 * 3 = 6 left 4 6\n4 * 6", Verdict::Unknown),
        ("2 * 3 = 6 left 6 4\n#ANSWER: 4 * (2 * 3)", Verdict::Pass),
        ("#ANSWER: 4 * 2 + 3", Verdict::Fail),
        ("#ANSWER: 4 * 2 * 3\n2 * 3 = 6 left 4 6\n", Verdict::Fail),
    ] {
        assert_eq!(
            CountdownVerifier.verify(&path(ask, text, Finish::Eos)).unwrap(),
            verdict,
            "{text}"
        );
    }
    for finish in [Finish::Step, Finish::Length] {
        let verdict = |text| CountdownVerifier.verify(&path(ask, text, finish)).unwrap();
        assert_eq!(verdict("2 * 3 = 6 left 4 6\n#ANSWER: 4 * (2"), Verdict::Unknown);
        assert_eq!(verdict("2 * 3 = 6 left 4 6\n#ANSWER: 4 * (2\n"), Verdict::Fail);
        assert_eq!(verdict("2 * 3 = 5 left 4 5\n#ANSWER: 4 * (2"), Verdict::Fail);
    }
    let error =
        CountdownVerifier.verify(&path("How many?", "", Finish::Eos)).unwrap_err().to_string();
    assert!(error.contains("`How many?` is not a puzzle"), "{error}");
}

proptest! {
    #[test]
    fn solutions_are_sound_correct_and_true(seed: u64) {
        let (puzzle, moves) = solved(seed);
        let steps = render(&puzzle, &moves).unwrap();
        prop_assert_eq!(steps.len(), puzzle.numbers().len());
        prop_assert!(moves.iter().all(Move::is_plain));
        prop_assert!(is_correct(&puzzle, steps.last().unwrap()));
        let text = steps.concat();
        prop_assert_eq!(CountdownVerifier::judge(&puzzle, &text), Verdict::Pass);
        prop_assert_eq!(path_truth(&mut Solver::new(), &puzzle, &text), vec![true; steps.len()]);
        prop_assert_eq!(Puzzle::parse(&puzzle.question()), Ok(puzzle));
        prop_assert_eq!(solved(seed).1, moves);
    }

    #[test]
    fn steps_are_read_as_written(seed: u64) {
        let (puzzle, moves) = solved(seed);
        let mut state = puzzle.start();
        for made in moves {
            let after = state.after(&made).unwrap();
            prop_assert_eq!(after.len(), state.len() - 1);
            let line = step_text(&made, &after);
            let read = StepLine::parse(line.trim_end()).unwrap();
            prop_assert_eq!((read.made, &read.left[..]), (made, after.values()));
            prop_assert_eq!(check_step(&state, &line), Ok(after));
            state = after;
        }
    }

    #[test]
    fn a_changed_digit_is_false(seed: u64, at: prop::sample::Index, by in 1_u8..10) {
        let (puzzle, moves) = solved(seed);
        let text = render(&puzzle, &moves).unwrap().concat();
        let digits: Vec<usize> = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
        let mut bytes = text.into_bytes();
        let at = digits[at.index(digits.len())];
        bytes[at] = b'0' + (bytes[at] - b'0' + by) % 10;
        let text = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(CountdownVerifier::judge(&puzzle, &text), Verdict::Fail);
        let labels = path_truth(&mut Solver::new(), &puzzle, &text);
        prop_assert!(!labels.last().unwrap());
        prop_assert!(labels.is_sorted_by(|before, after| before >= after));
    }

    #[test]
    fn labels_agree_with_the_solver_on_any_walk(seed: u64) {
        let (puzzle, _) = solved(seed);
        let mut pick = pick_from(Seed::run(seed).fold(1));
        let (mut state, mut moves, mut expected) = (puzzle.start(), Vec::new(), Vec::new());
        let mut solver = Solver::new();
        while state.len() > 1 {
            let legal = state.moves();
            prop_assert_eq!(legal.iter().collect::<BTreeSet<_>>().len(), legal.len());
            let good = solver.good_moves(&state, puzzle.target());
            let made = legal[pick(legal.len())];
            expected.push(expected.last().copied().unwrap_or(true) && good.contains(&made));
            state = state.after(&made).unwrap();
            moves.push(made);
        }
        expected.push(*expected.last().unwrap());
        let text = render(&puzzle, &moves).unwrap().concat();
        prop_assert_eq!(path_truth(&mut solver, &puzzle, &text), expected);
    }

    /// A difference can always be turned around, and its sign carried to where it vanishes.
    #[test]
    fn what_can_be_reached_can_be_reached_without_negative_results(
        values in prop::collection::vec(1_i64..=20, 2..=4),
        target in 0_i64..=100,
    ) {
        let (mut solver, state) = (Solver::new(), numbers(&values));
        prop_assert_eq!(solver.plain_reachable(&state, target), solver.reachable(&state, target));
    }

    #[test]
    fn any_text_is_judged(text in "([0-9 +*/()=\n−×÷-]|left|#ANSWER: |9223372036854775807|-9223372036854775808){0,40}", free in "\\PC{0,40}") {
        let puzzle = Puzzle::new(&[1, 2, 3], 6).unwrap();
        for text in [&text, &free] {
            let _ = answer_value(text);
            let _ = Puzzle::parse(text);
            let labels = path_truth(&mut Solver::new(), &puzzle, text);
            prop_assert!(labels.len() <= text.split('\n').count());
        }
    }

    #[test]
    fn arithmetic_never_panics_and_is_exact(parts: [i64; 4]) {
        let [an, ad, bn, bd] = parts;
        let make = |n: i64, d: i64| {
            (n != i64::MIN && d > i64::MIN && d != 0).then(|| Number::new(n, d))
        };
        let (Some(a), Some(b)) = (make(an, ad), make(bn, bd)) else { return Ok(()) };
        for op in Op::ALL {
            let Some(result) = op.apply(a, b) else { continue };
            let undone = match op {
                Op::Add => Op::Sub.apply(result, b),
                Op::Sub => Op::Add.apply(result, b),
                Op::Mul if *b.numer() == 0 => continue,
                Op::Mul => Op::Div.apply(result, b),
                Op::Div => Op::Mul.apply(result, b),
            };
            prop_assert_eq!(undone, Some(a));
        }
        let state = Numbers::new(&[a, b]).unwrap();
        prop_assert_eq!(Solver::new().reachable(&state, an), state.moves().iter().any(|made| made.result == Number::from_integer(an)));
    }
}
