//! Tools of a problem under way: calls, each run once, and their observations.

use std::{collections::BTreeSet, sync::Arc};

use espalier_core::{Entry, ModelError, Observation, ToolError};

use super::{Problem, Work};
use crate::{
    Models, SearchError,
    plan::Unit,
    routes::{Asked, Part, Routes},
};

impl Problem {
    /// Submits the calls whose observations are not known, each once; returns how many.
    pub(super) fn call(
        &self,
        units: &[Unit],
        models: &mut Models<'_>,
        routes: &mut Routes,
    ) -> usize {
        let mut submitted = BTreeSet::new();
        for (place, unit) in units.iter().enumerate() {
            let Unit::Tool(called) = unit else { continue };
            let key = called.key();
            if self.observations.contains_key(&key) || !submitted.insert(key) {
                continue;
            }
            let calls = models.tools[called.tool.index()].tool.calls();
            let ticket = calls.submit(called.call.clone());
            routes.add(Asked::Tool(called.tool), ticket, (self.index, (place, 0)));
        }
        submitted.len()
    }

    /// Takes what a tool left.
    pub(crate) fn observed(
        &mut self,
        part: Part,
        result: Result<Result<Observation, ToolError>, ModelError>,
        now: u64,
    ) -> Result<(), SearchError> {
        let round = self.rounds;
        let observation = result
            .map_err(|source| SearchError::Failed { round, ask: "tool", source })?
            .map_err(|source| SearchError::Tool { round, source })?;
        let Some(work) = &mut self.work else { return Ok(()) };
        work.waiting -= 1;
        let wall_ns = now.saturating_sub(work.submitted_ns);
        let doing = &mut work.units[part.0];
        doing.run = Entry { wall_ns, ..Entry::of_tool(observation.cpu_ns) };
        if let Unit::Tool(called) = &doing.unit {
            self.observations.insert(called.key(), observation);
        }
        Ok(())
    }

    /// Turns what tools left into steps, when all of it is there.
    pub(super) fn show(&self, work: &mut Work, models: &Models<'_>) -> Result<(), SearchError> {
        for doing in &mut work.units {
            let Unit::Tool(called) = &doing.unit else { continue };
            let observation = &self.observations[&called.key()];
            let profile = &*models.tools[called.tool.index()].profile;
            let of = self.tree.node(called.node).step.as_ref().expect("only steps call");
            let step = called.step(of, observation, profile, &*models.policy);
            let failed = |source| SearchError::Failed { round: self.rounds, ask: "tool", source };
            doing.seen = Some(Arc::new(step.map_err(failed)?));
        }
        Ok(())
    }
}
