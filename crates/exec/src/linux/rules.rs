//! Rules: what Landlock lets a sandbox do with files.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};

use super::plan::{Plan, SCRATCH};
use crate::Tier;

/// Confines this process, and all it starts, to what `plan` shows; returns how.
pub(super) fn enforce(plan: &Plan) -> Result<LandlockStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        // All that reads, writes, makes, removes or executes a file; on every kernel that has Landlock.
        .handle_access(AccessFs::from_all(ABI::V1))?
        .set_compatibility(CompatLevel::BestEffort)
        // Beyond files, the filters are the layer that is relied on.
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rules(path_beneath_rules(&plan.view.shown, read))?
        .add_rules(path_beneath_rules(&plan.view.programs, read | AccessFs::Execute))?
        .add_rules(path_beneath_rules(&plan.view.devices, read | AccessFs::WriteFile))?;
    if plan.tier == Tier::Full {
        let special = AccessFs::Execute
            | AccessFs::MakeChar
            | AccessFs::MakeBlock
            | AccessFs::MakeSock
            | AccessFs::MakeFifo;
        let all = AccessFs::from_all(ABI::V5) & !special;
        rules = rules.add_rules(path_beneath_rules([SCRATCH], all))?;
    }
    Ok(rules.restrict_self()?.landlock)
}
