//! What a strategy is called, with its numbers.

use std::fmt;

use super::{Bin, OutputFormat, StrategySpec};

impl fmt::Display for StrategySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greedy => f.write_str("greedy"),
            Self::BestOfN { n, .. } => write!(f, "best-of-n, n {n}"),
            Self::SelfConsistency { n, .. } => write!(f, "self-consistency, n {n}"),
            Self::AdaptiveConsistency { n, .. } => write!(f, "adaptive-consistency, n {n}"),
            Self::Gate { first, width, n, .. } => {
                write!(f, "gate, first {first}, width {width}{}", candidates(*n))
            }
            Self::ComputeOptimal { first, table, .. } => match &table[..] {
                [Bin { then, .. }] => write!(f, "compute-optimal, first {first}, then {then}"),
                bins => write!(f, "compute-optimal, first {first}, bins {}", bins.len()),
            },
            Self::AbMcts { n, .. } => write!(f, "ab-mcts, n {n}"),
            Self::Beam { width, n, code, .. } => {
                write!(f, "beam, width {width}{}{}", candidates(*n), with(*code))
            }
            Self::Dvts { width, n, .. } => write!(f, "dvts, width {width}{}", candidates(*n)),
            Self::Lookahead { width, n, lookahead, .. } => {
                write!(f, "lookahead {lookahead}, width {width}{}", candidates(*n))
            }
            Self::Rebase { n, .. } => write!(f, "rebase, n {n}"),
            Self::ParticleFilter { n, .. } => write!(f, "particle-filter, n {n}"),
            Self::Uct { width, simulations, code, .. } => {
                write!(f, "uct, width {width}, simulations {simulations}{}", with(*code))
            }
            Self::Puct { width, simulations, code, .. } => {
                write!(f, "puct, width {width}, simulations {simulations}{}", with(*code))
            }
            Self::TotBfs { breadth, .. } => write!(f, "tot-bfs, breadth {breadth}"),
            Self::TotDfs { visits, .. } => write!(f, "tot-dfs, visits {visits}"),
            Self::Revision { chains, revisions, .. } => {
                write!(f, "revision, chains {chains}, revisions {revisions}")
            }
            Self::Graph { n, group, .. } => write!(f, "graph, n {n}, group {group}"),
            Self::ScTir { width, depth, .. } => write!(f, "sc-tir, width {width}, depth {depth}"),
            Self::Pal { n, .. } => write!(f, "pal, n {n}"),
            Self::ToRa { n, calls, .. } => write!(f, "tora, n {n}, calls {calls}"),
            Self::ReAct { n, calls, .. } => write!(f, "react, n {n}, calls {calls}"),
        }
    }
}

fn with(code: Option<OutputFormat>) -> &'static str {
    if code.is_some() { ", with code" } else { "" }
}

fn candidates(n: Option<u32>) -> String {
    n.map_or_else(String::new, |n| format!(", n {n}"))
}
