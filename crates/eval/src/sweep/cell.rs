//! Cells: one size of a series, under one budget, with one seed.

use std::num::NonZeroU32;
use std::path::Path;

use espalier_core::Budget;

use super::calibration::Caps;
use super::series::{Draw, Series};
use crate::run_info::RunInfo;
use crate::spec::StrategySpec;
use crate::store::{Store, StoreError};

/// The folder of the cells' run directories.
const CELLS: &str = "cells";

/// One run of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The strategy.
    pub series: Series,
    /// Its size: answers, or candidates of a round.
    pub size: u32,
    /// Tokens computed for a problem, at most.
    pub budget: Option<u64>,
    /// The seed; it has no effect on greedy.
    pub seed: u64,
    /// The most tokens of answers and steps.
    pub caps: Caps,
}

impl Cell {
    /// The reference: one answer, without a budget.
    #[must_use]
    pub fn greedy(max_tokens: NonZeroU32) -> Self {
        let caps = Caps { answer: max_tokens, step: max_tokens };
        Self { series: Series::Greedy, size: 1, budget: None, seed: 0, caps }
    }

    /// The name of its directory.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.series.name();
        match self.budget {
            Some(budget) => format!("{name}-{}-b{budget}-s{}", self.size, self.seed),
            None => name.to_owned(),
        }
    }

    /// Its strategy.
    #[must_use]
    pub fn spec(&self, draw: Draw) -> StrategySpec {
        self.series.spec(self.size, self.caps.step, draw, self.seed)
    }

    /// What each problem may spend.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget { computed: self.budget, ..Budget::default() }
    }

    /// How much work it is, in the unit of its budget.
    pub(super) fn work(&self) -> f64 {
        self.budget.map_or(0.0, |budget| budget as f64)
    }

    /// Its run directory below the sweep's, made where it is not there.
    pub(super) fn open(&self, sweep: &Path, info: RunInfo) -> Result<Store, StoreError> {
        let dir = sweep.join(CELLS).join(self.name());
        match Store::resume(&dir, &info) {
            Err(StoreError::Missing { .. }) => Store::create(&dir, info),
            opened => opened,
        }
    }
}
