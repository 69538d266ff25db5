//! Search over steps: the tree of thoughts, the strategies that grow it, and the driver that spends,
//! fails and records.
//!
//! A [`Strategy`] answers a [`Tree`] with a round of asks; [`search_many`] carries the rounds of many
//! problems out together and leaves an [`Outcome`] for each; a selector ([`select`]) turns the tree of
//! an outcome into an answer. Nothing here knows a gold answer, a device or the time of day.
//!
//! ```
//! use std::{num::NonZeroU32, sync::Arc};
//! use espalier_core::{Aggregate, Frozen, Immediate, Policy, Prompt, Sampling, ScorerId, toy};
//! use espalier_search::{Beam, Config, Models, Task, render, search};
//!
//! let (mut policy, mut scorer) = (toy::Letters::new(), Immediate::new(toy::Hashed));
//! let prompt = Prompt { problem: "abc".to_owned(), tokens: policy.encode("abc")? };
//! let beam = Beam::new(2, None, 8, ScorerId(0), Aggregate::Last)?;
//! let task = Task { prompt: Arc::new(prompt), hash: 1, strategy: Box::new(beam) };
//! let mut models = Models { policy: &mut policy, scorers: vec![&mut scorer], tools: Vec::new() };
//! let config = Config::new(Sampling::at(1.0), NonZeroU32::new(16).unwrap(), NonZeroU32::new(64).unwrap());
//! let outcome = search(task, &mut models, &config, &Frozen);
//! assert!(outcome.error.is_none());
//! println!("{}", render(&outcome.tree));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Read in this order: [`tree`], [`strategy`], [`strategies`], [`config`], [`driver`], [`outcome`],
//! [`select`], [`trace`]; [`allocation`], [`visits`], [`agreement`], [`difficulty`],
//! [`belief`], [`thoughts`], [`blocks`], [`profiles`] and [`rules`] are what strategies have in common.
//! [`composite`] and [`consensus()`] make one answer of the finished trees of several policies.

mod absent;
pub mod agreement;
pub mod allocation;
pub mod belief;
pub mod blocks;
mod books;
mod candidates;
pub mod coding;
pub mod composite;
pub mod config;
pub mod consensus;
pub mod difficulty;
pub mod driver;
pub mod error;
pub mod outcome;
mod plan;
mod problem;
pub mod profiles;
mod ranking;
mod routes;
pub mod rules;
pub mod select;
mod simulations;
pub mod strategies;
pub mod strategy;
pub mod thoughts;
pub mod trace;
pub mod tree;
mod turns;
pub mod visits;

pub use absent::absent;
pub use coding::Coding;
pub use composite::{BadWeights, Validation, Weights};
pub use config::{Config, Equipped, Models, Task};
pub use consensus::{Consensus, Voice, consensus, voices};
pub use driver::{Report, search, search_many};
pub use error::SearchError;
pub use outcome::Outcome;
pub use select::{Selected, best, majority, majority_of, weighted};
pub use strategies::{
    AbMcts, AdaptiveConsistency, BadStrategy, Beam, BestOfN, Bin, ComputeOptimal, Dvts, Gate,
    GraphOfThoughts, Greedy, Lookahead, OnFail, Pal, ParticleFilter, Puct, ReAct, Rebase, Registry,
    Revision, ScTir, SelfConsistency, ToRa, TotBfs, TotDfs, Uct,
};
pub use strategy::Strategy;
pub use trace::{
    BadTrace, Chronicle, NodeChronicle, chronicle, dot, read, render, replay, retell, write,
};
pub use tree::{Node, Tree};
