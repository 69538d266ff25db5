//! Views: runs as one HTML file that needs nothing else, with their trees to look into.
//!
//! A [`Shown`] is a run directory in memory; [`page`] makes the file of one run, or of two side by side.
//! The page's script and style are the files beside this one.

mod html;
mod problem;
mod run;
mod tree;

use std::path::{Path, PathBuf};

use crate::record::Record;
use crate::run_info::RunInfo;
use crate::source::{Source, SourceError};
use crate::store::{StoreError, read_chronicle, read_run};

use html::{Element, html};
use problem::ProblemView;
use run::{PageView, RunView};
use tree::TreeView;

/// A run to be shown.
#[derive(Debug)]
pub struct Shown {
    /// Its directory.
    pub dir: PathBuf,
    /// What was run.
    pub info: RunInfo,
    /// What came of it.
    pub records: Vec<Record>,
    /// The gold answers, or why there are none: then only what the records say is graded.
    pub source: Result<Source, SourceError>,
}

impl Shown {
    /// Reads a run; `data` is its dataset's file, where the run does not say.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where it holds no run, or a damaged one.
    pub fn open(dir: &Path, data: Option<&Path>) -> Result<Self, StoreError> {
        let (info, records) = read_run(dir)?;
        let source = Source::open(&info, data);
        Ok(Self { dir: dir.to_owned(), info, records, source })
    }

    /// The record of a problem.
    #[must_use]
    pub fn record(&self, id: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.id == id)
    }

    /// Bytes of keys and values that one token holds in the run's policy, where the run says.
    #[must_use]
    pub fn kv_bytes_per_token(&self) -> Option<u64> {
        self.info.runtime["kv_bytes_per_token"].as_u64()
    }
}

/// A page, and what is not in it.
#[derive(Debug)]
pub struct Page {
    /// The file.
    pub html: String,
    /// Trees that are in it.
    pub trees: usize,
    /// Trees that were left out, because they would have made it larger than it may be.
    pub left_out: usize,
    /// Traces that could not be read, and why.
    pub unread: Vec<StoreError>,
}

/// Makes the page of a run, or of two side by side, about the problems of `ids`.
///
/// Trees are put in, problem by problem, as long as they are `max_bytes` together at most; of the others
/// the page says how to see them. A problem whose question differs between the runs is shown of the first
/// alone.
///
/// # Errors
///
/// What JSON cannot hold; nothing a run directory holds.
pub fn page(
    title: &str,
    runs: &[&Shown],
    ids: &[&str],
    max_bytes: usize,
) -> Result<Page, serde_json::Error> {
    let mut page = Page { html: String::new(), trees: 0, left_out: 0, unread: Vec::new() };
    let mut views: Vec<RunView> = runs.iter().map(|shown| RunView::new(shown)).collect();
    let mut elements = Vec::new();
    let mut bytes = 0;
    for id in ids {
        let first = runs.iter().find_map(|shown| shown.record(id)).map(|record| record.hash);
        for (index, shown) in runs.iter().enumerate() {
            let record = shown.record(id).filter(|record| Some(record.hash) == first);
            let Some(record) = record else { continue };
            let mut problem = ProblemView::new(record, &shown.info);
            match read_chronicle(&shown.dir, record, shown.kv_bytes_per_token()) {
                Ok(chronicle) => {
                    let tree = TreeView::new(chronicle, record, shown.source.as_ref().ok());
                    let json = serde_json::to_string(&tree)?;
                    if bytes + json.len() <= max_bytes {
                        bytes += json.len();
                        page.trees += 1;
                        let name = format!("tree-{}", elements.len());
                        problem.tree = Some(name.clone());
                        elements.push(Element { name, json });
                    } else {
                        page.left_out += 1;
                        problem.absent = Some(format!(
                            "This tree was left out, to keep the page at {} MB. See it with: cargo xtask trace {} {id} \
                             --format html --out FILE",
                            max_bytes / 1_000_000,
                            shown.dir.display()
                        ));
                    }
                }
                Err(error) => {
                    problem.absent = Some(error.to_string());
                    page.unread.push(error);
                }
            }
            views[index].problems.insert((*id).to_owned(), problem);
        }
    }
    let view = PageView { title, runs: views, problems: ids };
    elements.insert(0, Element { name: "page".to_owned(), json: serde_json::to_string(&view)? });
    page.html = html(title, &elements);
    Ok(page)
}
