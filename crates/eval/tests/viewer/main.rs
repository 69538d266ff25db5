//! The viewer in a real browser: what it shows, what folds and filters hide, and that it stays inert.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests; a missing browser is said out loud"
)]

mod browser;
mod runs;

use std::fs;
use std::path::PathBuf;

use browser::Browser;
use espalier_core::Finish::{Eos, Length, Step};
use espalier_eval::view::{Page, Shown, page};
use runs::{Made, dataset, info, write};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Keys, as the protocol names them.
const DOWN: &str = "\u{e015}";
const UP: &str = "\u{e013}";
const LEFT: &str = "\u{e012}";
const RIGHT: &str = "\u{e014}";
const END: &str = "\u{e010}";
const HOME: &str = "\u{e011}";

/// A text that would take over a page that let it.
const HOSTILE: &str = "</script><script>window.owned=1</script><img src=x onerror=window.owned=2>\u{2028}<!--\"'`${window.owned=3}";

/// Two runs of two problems, and a place for pages of them.
struct Stand {
    dir: TempDir,
    first: Shown,
    second: Shown,
}

impl Stand {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let (data, dataset) = dataset(dir.path(), &["How many <b>eggs</b>?", "And hens?"]);
        let small: Vec<Vec<Made<'_>>> = vec![vec![(0, "It is 18.\n#### 18", 0.125, Eos)]];
        let beam: Vec<Vec<Made<'_>>> = vec![
            vec![
                (0, "nine and nine\n", 0.9375, Step),
                (0, "eight\n", 0.031_25, Step),
                (0, HOSTILE, 0.5, Length),
            ],
            vec![
                (1, "#### 17", 0.25, Eos),
                (2, "#### nothing", 0.000_123_4, Eos),
                (1, "#### 18", 0.625, Eos),
            ],
        ];
        let open = |name: &str, strategy: &Value, kv, problems: &[Vec<Vec<Made<'_>>>]| {
            let dir = dir.path().join(name);
            write(&dir, info(strategy, &data, kv), &dataset, problems);
            Shown::open(&dir, None).unwrap()
        };
        let first = json!({ "name": "beam", "width": 2, "scorer": "prm" });
        let first = open("first", &first, Some(1000), &[beam, small.clone()]);
        let second = open("second", &json!({ "name": "greedy" }), None, &[small.clone(), small]);
        Self { dir, first, second }
    }

    fn page(&self, runs: &[&Shown], ids: &[&str]) -> PathBuf {
        self.write(&page("a <title> & more", runs, ids, usize::MAX).unwrap())
    }

    fn write(&self, page: &Page) -> PathBuf {
        let path = self.dir.path().join("page.html");
        fs::write(&path, &page.html).unwrap();
        path
    }
}

/// Ids of the rows that a pane, counted from 0, shows.
fn rows(browser: &Browser, pane: usize) -> Value {
    let rows = "querySelectorAll('.rows')";
    browser.get(&format!(
        "[...document.{rows}[{pane}].querySelectorAll('[role=treeitem]')].map(row => Number(row.dataset.node))"
    ))
}

/// The text of a fact about the selected node.
fn fact(browser: &Browser, name: &str) -> Value {
    browser.get(&format!("document.querySelector('[data-fact=\"{name}\"]')?.textContent ?? null"))
}

/// Sets a field of the filter as if it were typed.
fn filter(browser: &Browser, name: &str, value: &str) {
    browser.run(&format!(
        "const field = document.querySelector('[name={name}]'); field.value = {};
         field.dispatchEvent(new Event('input', {{ bubbles: true }}));",
        json!(value)
    ));
}

/// What every page must be, whatever was done in it.
fn is_inert(browser: &Browser) {
    assert_eq!(browser.get("window.owned ?? null"), Value::Null);
    assert_eq!(browser.get("document.querySelectorAll('main img, main script, main b').length"), 0);
    assert_eq!(browser.console(), Vec::<String>::new());
    // Nothing was asked for but the page; that it is there shows that requests are heard of.
    let requests = browser.requests();
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|url| url.ends_with("/page.html")), "{requests:?}");
}

#[test]
fn a_tree_shows_what_the_trace_says_and_folds() {
    let stand = Stand::new();
    let Some(browser) = Browser::start() else { return };
    browser.open(&stand.page(&[&stand.first], &["gsm8k-0001"]));
    assert_eq!(browser.get("document.title"), "a <title> & more");
    assert_eq!(
        browser.get("document.querySelector('.question').textContent"),
        "How many <b>eggs</b>?"
    );
    assert_eq!(rows(&browser, 0), json!([0, 1, 4, 6, 2, 5, 3]));
    // Every score of the trace stands in the page, to its last digit.
    let scores =
        [(1, "0.9375"), (2, "0.03125"), (3, "0.5"), (4, "0.25"), (5, "0.0001234"), (6, "0.625")];
    for (node, score) in scores {
        browser.click(&format!("[data-node='{node}'] .text"));
        assert_eq!(fact(&browser, "score-0"), score, "node {node}");
        let row = format!("document.querySelector('[data-node=\"{node}\"] .score').textContent");
        let row: f64 = browser.get(&row).as_str().unwrap().parse().unwrap();
        assert!((row - score.parse::<f64>().unwrap()).abs() < 0.0005);
    }
    assert_eq!(fact(&browser, "tokens"), "7");
    assert_eq!(fact(&browser, "logprob"), "-1.7500 nats, -0.2500 a token");
    assert_eq!(fact(&browser, "answer"), "18 (right)");
    assert_eq!(fact(&browser, "kv"), "7.00 kB, held in round 1");
    assert_eq!(
        fact(&browser, "spend"),
        "7 sampled, 14 computed, 0 read from cache, 7 of the computed by the scorer, 2 calls"
    );
    let marks =
        browser.get("[...document.querySelectorAll('.mark')].map(mark => mark.textContent)");
    assert_eq!(marks, json!(["", "", "✗ wrong", "✓ right", "", "? undecided", "cut"]));
    // A fold hides what is below, by the mouse and by keys, and a second shows it again.
    browser.click("[data-node='1'] .fold");
    assert_eq!(rows(&browser, 0), json!([0, 1, 2, 5, 3]));
    browser.click("[data-node='1'] .fold");
    assert_eq!(rows(&browser, 0), json!([0, 1, 4, 6, 2, 5, 3]));
    browser.click("[data-node='0'] .text");
    let selected =
        || browser.get("Number(document.querySelector('[aria-selected=true]').dataset.node)");
    for (keys, node, shown) in [
        (&[DOWN, DOWN][..], 4, json!([0, 1, 4, 6, 2, 5, 3])),
        (&[LEFT], 1, json!([0, 1, 4, 6, 2, 5, 3])),
        (&[LEFT], 1, json!([0, 1, 2, 5, 3])),
        (&[DOWN], 2, json!([0, 1, 2, 5, 3])),
        (&[UP, RIGHT], 1, json!([0, 1, 4, 6, 2, 5, 3])),
        (&[RIGHT], 4, json!([0, 1, 4, 6, 2, 5, 3])),
        (&[END], 3, json!([0, 1, 4, 6, 2, 5, 3])),
        (&[HOME, LEFT], 0, json!([0])),
    ] {
        browser.press(keys);
        assert_eq!(selected(), node, "{keys:?}");
        assert_eq!(rows(&browser, 0), shown, "{keys:?}");
    }
    let tree = "document.querySelector('[role=tree]')";
    assert_eq!(browser.get(&format!("document.activeElement === {tree}")), true);
    assert_eq!(
        browser.get(&format!(
            "document.getElementById({tree}.getAttribute('aria-activedescendant')).ariaExpanded"
        )),
        "false"
    );
    is_inert(&browser);
}

#[test]
fn filters_hide_nodes_and_keep_what_leads_to_them() {
    let stand = Stand::new();
    let Some(browser) = Browser::start() else { return };
    browser.open(&stand.page(&[&stand.first], &["gsm8k-0001"]));
    let all = json!([0, 1, 4, 6, 2, 5, 3]);
    for (name, value, shown, count) in [
        ("text", "EIGHT", json!([0, 2]), 1),
        ("text", "window.owned=3", json!([0, 3]), 1),
        ("text", "no such text", json!([]), 0),
        ("score", "0.5", json!([0, 1, 6, 3]), 3),
        ("finish", "eos", json!([0, 1, 4, 6, 2, 5]), 3),
        ("finish", "length", json!([0, 3]), 1),
        ("round", "0", json!([0, 1, 2, 3]), 3),
        ("answer", "equal", json!([0, 1, 6]), 1),
        ("answer", "not_equal", json!([0, 1, 4]), 1),
        ("answer", "undecided", json!([0, 2, 5]), 1),
        ("answer", "wasted", json!([0, 3]), 1),
    ] {
        filter(&browser, name, value);
        assert_eq!(rows(&browser, 0), shown, "{name} {value}");
        let said = browser.get("document.querySelector('.count').textContent");
        assert_eq!(said, format!("{count} of 7 nodes match"), "{name} {value}");
        let context = browser.get("document.querySelectorAll('.rows .context').length");
        assert_eq!(context, shown.as_array().unwrap().len() - count, "{name} {value}");
        filter(&browser, name, "");
        assert_eq!(rows(&browser, 0), all, "{name}");
    }
    // Two fields at once, and a click that takes both back.
    filter(&browser, "score", "0.5");
    filter(&browser, "finish", "eos");
    assert_eq!(rows(&browser, 0), json!([0, 1, 6]));
    browser.click(".filter button");
    assert_eq!(rows(&browser, 0), all);
    // A round of the timeline is a filter, too.
    browser.click(".timeline tbody tr:nth-child(2) button");
    assert_eq!(rows(&browser, 0), json!([0, 1, 4, 6, 2, 5]));
    let round = "[...document.querySelectorAll('.timeline tbody tr:nth-child(2) td')].map(cell => cell.textContent)";
    // The prompt's 7 tokens, 14 and 6 of what is grown, and 20 new: two answers begin alike.
    let held = "47.0 kB, then 47.0 kB";
    assert_eq!(browser.get(round), json!(["sample 3 from 2 nodes", "3", "26", "52", held]));
    is_inert(&browser);
}

#[test]
fn two_runs_stand_side_by_side_and_a_report_opens_their_problems() {
    let stand = Stand::new();
    let Some(browser) = Browser::start() else { return };
    let path = stand.page(&[&stand.first, &stand.second], &["gsm8k-0001", "gsm8k-0002"]);
    browser.open(&path);
    let text =
        |selector: &str| browser.get(&format!("document.querySelector('{selector}').textContent"));
    let facts = text(".run .facts");
    assert!(
        facts.as_str().unwrap().contains("100.0 % (2 of 2), 95 % interval 34.2 to 100.0 %"),
        "{facts}"
    );
    assert!(facts.as_str().unwrap().contains("tokens=200: "), "{facts}");
    assert_eq!(browser.get("document.querySelectorAll('.problems tbody tr').length"), 2);
    assert_eq!(text("[data-problem=gsm8k-0001] .badge"), "right");
    assert_eq!(browser.get("document.querySelectorAll('[role=tree]').length"), 0);
    browser.click("[data-problem=gsm8k-0001] a");
    assert_eq!(text("h2"), "gsm8k-0001");
    assert_eq!(rows(&browser, 0), json!([0, 1, 4, 6, 2, 5, 3]));
    assert_eq!(rows(&browser, 1), json!([0, 1]));
    let side = "[...document.querySelectorAll('.rows')].map(rows => rows.getBoundingClientRect()).map(at => [at.x, at.y])";
    let places = browser.get(side);
    assert!(places[0][0].as_f64() < places[1][0].as_f64(), "{places}");
    assert_eq!(places[0][1], places[1][1], "the trees begin at one height");
    // The second run does not say how many bytes a token holds: it is said, and tokens are shown.
    let notes = browser
        .get("[...document.querySelectorAll('.timeline .note')].map(note => note.textContent)");
    assert!(notes[0].as_str().unwrap().ends_with("A token holds 1000 bytes."), "{notes}");
    assert!(
        notes[1].as_str().unwrap().ends_with("does not say how many bytes a token holds."),
        "{notes}"
    );
    let held = browser.get("[...document.querySelectorAll('.held')].map(held => held.textContent)");
    assert_eq!(held[2], "24 tokens, then 24 tokens");
    // One filter is for both.
    filter(&browser, "text", "18");
    assert_eq!((rows(&browser, 0), rows(&browser, 1)), (json!([0, 1, 6]), json!([0, 1])));
    browser.run("history.back()");
    assert_eq!(browser.get("document.querySelectorAll('.problems').length"), 1);
    is_inert(&browser);
}

#[test]
fn trees_beyond_the_size_are_left_out_and_the_page_says_so() {
    let stand = Stand::new();
    let ids = ["gsm8k-0001", "gsm8k-0002"];
    let small = page("page", &[&stand.first], &ids, 1500).unwrap();
    assert_eq!((small.trees, small.left_out), (1, 1));
    fs::write(stand.first.dir.join("traces/gsm8k-0002.jsonl"), "{\"start\"").unwrap();
    let damaged = page("page", &[&stand.first], &ids, usize::MAX).unwrap();
    assert_eq!((damaged.trees, damaged.left_out, damaged.unread.len()), (1, 0, 1));
    let Some(browser) = Browser::start() else { return };
    let shown = |page: &Page, id: &str| {
        browser.open(&stand.write(page));
        browser.click(&format!("[data-problem={id}] a"));
        browser.get("document.querySelector('.absent')?.textContent ?? null")
    };
    let why = shown(&small, "gsm8k-0001");
    assert!(why.as_str().unwrap().contains("first gsm8k-0001 --format html --out FILE"), "{why}");
    assert_eq!(shown(&small, "gsm8k-0002"), Value::Null);
    let why = shown(&damaged, "gsm8k-0002");
    assert!(why.as_str().unwrap().contains("line 1 of the trace is not an event"), "{why}");
    is_inert(&browser);
}

#[test]
fn ten_thousand_nodes_are_walked_with_few_in_the_page() {
    let dir = TempDir::new().unwrap();
    let (data, dataset) = dataset(dir.path(), &["How many?"]);
    // Of a hundred rounds each makes a hundred nodes, ten below each of ten nodes of the round before.
    let made = |round: u32, at: u32| {
        let parent = if round == 0 { 0 } else { (round - 1) * 100 + 1 + at / 10 * 10 };
        let score = (at as f32).mul_add(0.01, 0.001 * round as f32 / 100.0);
        (parent, "a step of some words\n", score, if round == 99 { Eos } else { Step })
    };
    let rounds = (0..100).map(|round| (0..100).map(|at| made(round, at)).collect()).collect();
    let strategy = json!({ "name": "uct", "simulations": 10_000 });
    write(&dir.path().join("run"), info(&strategy, &data, Some(1000)), &dataset, &[rounds]);
    let shown = Shown::open(&dir.path().join("run"), None).unwrap();
    let page = page("large", &[&shown], &["gsm8k-0001"], usize::MAX).unwrap();
    let path = dir.path().join("page.html");
    fs::write(&path, &page.html).unwrap();
    let Some(browser) = Browser::start() else { return };
    browser.open(&path);
    assert_eq!(browser.get("document.querySelector('.count').textContent"), "10001 nodes");
    let in_page =
        || browser.get("document.querySelectorAll('[role=treeitem]').length").as_u64().unwrap();
    assert!((20..100).contains(&in_page()), "{}", in_page());
    browser.click("[role=tree]");
    browser.press(&[HOME, DOWN]);
    assert_eq!(fact(&browser, "round"), "0");
    browser.press(&[END]);
    let last = browser.get("document.querySelector('[aria-selected=true]').dataset.node");
    assert_eq!(last, "100", "the last of the first round has no children");
    assert!(in_page() < 100);
    filter(&browser, "round", "57");
    assert_eq!(
        browser.get("document.querySelector('.count').textContent"),
        "100 of 10001 nodes match"
    );
    // How long a filter takes, with all that is drawn then.
    let took = browser.run(
        "const begin = performance.now(); const field = document.querySelector('[name=text]');
         field.value = 'words'; field.dispatchEvent(new Event('input', { bubbles: true }));
         document.body.getBoundingClientRect(); return performance.now() - begin;",
    );
    assert!(took.as_f64().unwrap() < 1000.0, "{took} ms");
    is_inert(&browser);
}
