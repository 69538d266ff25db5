//! Evaluation: datasets, graders, statistics, the run store and its reports.
//!
//! A [`Dataset`] holds [`Problem`]s and their [`Gold`] answers. A search is shown the problem, put to
//! the model as [`prompt`] says; its best path's text is read by [`extract()`], graded by [`grade()`],
//! and kept as a [`Record`] in a [`Store`]; a [`Summary`] is made from the records alone. Only the
//! graders here read gold: search votes through [`Votes`], which has none.
//!
//! The command line and the model runtime behind it are the feature `cli`; everything else builds
//! without them.

pub mod answers;
pub mod anytime;
#[cfg(feature = "args")]
pub mod args;
pub mod budget_arg;
pub mod builtin;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
pub mod code;
pub mod collect;
pub mod comparison;
pub mod config;
pub mod countdown;
pub mod dataset;
pub mod dry_run;
pub mod ensemble;
pub mod extract;
pub mod forms;
pub mod grade;
pub mod learned;
pub mod learning;
mod log;
mod plan;
pub mod problem;
pub mod progress;
pub mod prompt;
pub mod record;
pub mod run;
pub mod run_info;
pub mod source;
pub mod spec;
pub mod stats;
pub mod status;
pub mod store;
pub mod summary;
pub mod sweep;
pub mod table;
pub mod tools;
pub mod validation;
pub mod view;

pub use answers::{Modulo, Votes};
pub use budget_arg::{BudgetError, parse_budget, write_budget};
pub use clock::WallClock;
pub use collect::{
    Choice, CollectError, CollectedFile, Collection, FinishedRun, Keep, Segment, Trajectory, Voice,
    collect,
};
pub use comparison::{Comparison, ComparisonError};
pub use config::{Chat, ConfigError, DatasetSpec, generation};
pub use dataset::{AnswerForm, Dataset, DatasetError, DatasetKind, Rows};
pub use dry_run::{Estimate, Lengths, StandIn, StandInScorer, dry_run};
pub use ensemble::{EnsembleSpec, Pooled, Spoken};
pub use extract::{Extracted, Rule, extract};
pub use grade::{
    Decimals, GRADER_VERSION, Grader, Notation, Pair, PairOptions, Percent, Policy, Verdict, grade,
    grade_item,
};
pub use learned::{LearnedTable, TableError};
pub use learning::{LearningError, OptionRuns};
pub use problem::{Gold, Item, Problem, content_hash};
pub use progress::{Progress, resume_command};
pub use record::{Outcome, Record};
pub use run::{Ended, Helpers, Run, RunError, run};
pub use run_info::{FieldDiff, RunInfo, diff};
pub use source::{Source, SourceError};
pub use spec::{
    BadBoundary, Bin, Boundary, Calling, EvaluateName, GenerateName, NextName, OnFailName,
    OutputFormat, PriorName, ScorerName, Selection, Stepwise, StrategySpec, Then, Thinking,
};
pub use stats::{Difference, Interval, Pairs, clustered, pass_at, wilson};
pub use status::Status;
pub use store::{Store, StoreError, read_chronicle, read_run};
pub use summary::{Accuracy, Summary};
pub use sweep::{Sweep, SweepError};
pub use table::{duration, human, table};
pub use validation::validate;
