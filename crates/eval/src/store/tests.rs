//! Run directories that are torn, shared, full and resumed.

use espalier_core::{Entry, Spend, Stop};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::dataset::DatasetKind;
use crate::record::tests::{item, outcome};

fn info(temperature: f64) -> RunInfo {
    RunInfo::new(json!({ "model": "toy", "sampling": { "temperature": temperature } }))
}

fn record(id: &str) -> Record {
    Record::graded(DatasetKind::Builtin, &item(id, "5"), outcome("\\boxed{5} é"))
}

#[test]
fn a_run_is_resumed_where_it_stopped() {
    let dir = TempDir::new().unwrap();
    let mut store = Store::create(dir.path(), info(0.8)).unwrap();
    store.append(record("a")).unwrap();
    let mut interrupted = record("b");
    interrupted.stop = Some(Stop::Interrupted);
    store.append(interrupted).unwrap();
    let failed = Record::failed(&item("c", "5"), "gone".into(), Spend::default(), Entry::default());
    store.append(failed).unwrap();
    drop(store);

    let mut store = Store::resume(dir.path(), &info(0.8)).unwrap();
    assert_eq!(["a", "b", "c", "d"].map(|id| store.is_finished(id)), [true, false, false, false]);
    store.append(record("c")).unwrap();
    assert!(store.is_finished("c"));
    assert_eq!(store.records().len(), 3);
    let (_, records) = read_run(dir.path()).unwrap();
    assert_eq!(records, store.records());
}

#[test]
fn another_configuration_is_refused_with_its_differences() {
    let dir = TempDir::new().unwrap();
    drop(Store::create(dir.path(), info(0.8)).unwrap());
    let error = Store::resume(dir.path(), &info(1.0)).unwrap_err().to_string();
    assert!(
        error.ends_with("another configuration: sampling.temperature: was `0.8`, now `1.0`"),
        "{error}"
    );
    let error = Store::create(dir.path(), info(0.8)).unwrap_err().to_string();
    assert!(error.contains("already holds a run: resume it with `--resume"), "{error}");
    let error = Store::resume(&dir.path().join("none"), &info(0.8)).unwrap_err().to_string();
    assert!(error.ends_with("holds no run: it has no `run.json`"), "{error}");
}

#[test]
fn a_second_process_is_kept_out() {
    let dir = TempDir::new().unwrap();
    let store = Store::create(dir.path(), info(0.8)).unwrap();
    let error = Store::resume(dir.path(), &info(0.8)).unwrap_err();
    assert!(matches!(&error, StoreError::Locked { holder, .. }
        if *holder == std::process::id().to_string()));
    drop(store);
    Store::resume(dir.path(), &info(0.8)).unwrap();
}

#[test]
fn a_tail_torn_at_any_byte_costs_one_record() {
    let dir = TempDir::new().unwrap();
    let mut store = Store::create(dir.path(), info(0.8)).unwrap();
    for id in ["a", "b", "c"] {
        store.append(record(id)).unwrap();
    }
    drop(store);
    let path = dir.path().join(RECORDS);
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
    for end in last..=whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let mut store = Store::resume(dir.path(), &info(0.8)).unwrap();
        assert!(store.is_finished("a") && store.is_finished("b"));
        assert_eq!(store.is_finished("c"), end == whole.len(), "cut at {end}");
        // Half of the torn tails are mended, half only cut off.
        if end < whole.len() && end % 2 == 0 {
            store.append(record("c")).unwrap();
        }
        drop(store);
        let expected = if end % 2 == 0 || end == whole.len() { &whole[..] } else { &whole[..last] };
        assert_eq!(fs::read(&path).unwrap(), expected, "cut at {end}");
    }
}

#[test]
fn damage_in_the_middle_is_named() {
    let dir = TempDir::new().unwrap();
    let mut store = Store::create(dir.path(), info(0.8)).unwrap();
    for id in ["a", "b"] {
        store.append(record(id)).unwrap();
    }
    drop(store);
    let path = dir.path().join(RECORDS);
    let damaged = fs::read_to_string(&path).unwrap().replacen("\"id\"", "\"xx\"", 1);
    fs::write(&path, damaged).unwrap();
    let error = Store::resume(dir.path(), &info(0.8)).unwrap_err().to_string();
    assert!(error.contains("records.jsonl` line 1 is damaged: missing field `id`"), "{error}");
}

#[test]
fn a_full_disk_is_named_and_the_record_kept() {
    let dir = TempDir::new().unwrap();
    drop(Store::create(dir.path(), info(0.8)).unwrap());
    let path = dir.path().join(RECORDS);
    fs::remove_file(&path).unwrap();
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let lock = lock(dir.path()).unwrap();
    let file = OpenOptions::new().append(true).open(full).unwrap();
    let mut store = Store {
        dir: dir.path().to_owned(),
        info: info(0.8),
        log: Log::over(file, 0),
        done: Latest::default(),
        _lock: lock,
    };
    let error = store.append(record("a")).unwrap_err();
    assert!(error.to_string().contains("make room and go on with `--resume"), "{error}");
    assert!(store.flush().is_err());
    assert_eq!(store.records().len(), 1);
}

#[test]
fn summaries_are_whole_and_traces_stay_inside() {
    let dir = TempDir::new().unwrap();
    let store = Store::create(dir.path(), info(0.8)).unwrap();
    for n in [1, 2] {
        let path = store.write_summary(&json!({ "n": n })).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), format!("{{\n  \"n\": {n}\n}}\n"));
    }
    let events = [Event::End { stop: Stop::Done }];
    for id in ["gsm8k-0001", "test/precalculus/807.json", "../../x", "", "."] {
        let path = store.write_trace(id, 7, &events).unwrap();
        assert_eq!(path.parent().unwrap(), dir.path().join(TRACES), "{id}");
        let lines: Vec<Event> = fs::read_to_string(path)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, events, "{id}");
    }
    assert_ne!(trace_name("a/b", 1), trace_name("a_b", 1));
    assert_ne!(trace_name("a/b", 1), trace_name("a/b", 2));
}
