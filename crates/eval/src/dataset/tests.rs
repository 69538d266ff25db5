//! Layouts read, and what is wrong with lines that are none.

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
        (r#"{"question": "q", "answer": "7"}"#, "`answer` has no `####` before its final number"),
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
        (DatasetKind::Game24, "Rank,Puzzles\n1", "line 2: there is no column `Puzzles`, only 1"),
        (DatasetKind::Game24, "Puzzles\n1 x", "`x` in the column `Puzzles` is not a whole"),
        (DatasetKind::Game24, "Rank,Puzzles\nr,4 6", "`r` in the column `Rank` is not a whole"),
        (DatasetKind::Game24, "Puzzles\n4", "a puzzle of `1` numbers"),
        (DatasetKind::Game24, "Puzzles\n1 1 1 1", "`Reach 24 with 1 1 1 1` has no solution"),
        (DatasetKind::Game24, "Rank,Puzzles\n1,4 6\n1,3 8", "line 3: id `game24-0001` was used"),
        (DatasetKind::Game24, "Rank,Puzzles\n", "is empty"),
        (DatasetKind::Countdown, r#"{"target": 3}"#, "field `numbers` is missing"),
        (DatasetKind::Countdown, r#"{"numbers": 3}"#, "field `numbers` is not a list"),
        (DatasetKind::Countdown, r#"{"numbers": [1, 2]}"#, "field `target` is missing"),
        (DatasetKind::Countdown, r#"{"numbers": [1.5], "target": 3}"#, "`1.5` in field `numbers`"),
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
