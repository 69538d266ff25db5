//! Strategies: what decides which nodes grow.

use espalier_core::{Account, Round};

use crate::Tree;

/// A strategy decides which nodes grow. It does no input or output, so it cannot fail or block.
///
/// The driver asks, carries the whole round out, adds its results to the tree in ask order, and asks
/// again. Equal trees, accounts and strategy states must give equal rounds. State is plain fields,
/// best indexed by [`NodeId::index`](espalier_core::NodeId::index).
///
/// - Sample only nodes that are [open](Tree::open): continuing an ended or a cut path is an error.
///   Asks on open nodes without [room](Tree::room) are dropped; where that leaves nothing of a round,
///   the search ends. [`Tree::expandable`] tells both in advance.
/// - Score a node once. A [judgement](espalier_core::Ask::Judge) is a score, too; where it cannot be
///   read, the node has none.
/// - Prompts of forms begin alike: keep what computed one ([`Retain`](espalier_core::Retain)) with the
///   node it was asked of, and the next costs what is new of it.
/// - The last round can be cut to what the budget affords; a strategy is not asked again after it.
///
/// ```
/// use espalier_core::{Account, Ask, NodeId, Round, Until};
/// use espalier_search::{Strategy, Tree};
///
/// /// Follows the newest node until it cannot be continued.
/// struct Chain;
///
/// impl Strategy for Chain {
///     fn next(&mut self, tree: &Tree, _: &Account) -> Round {
///         let newest = NodeId(tree.len() as u32 - 1);
///         if tree.expandable(newest) {
///             Round { asks: vec![Ask::sample(newest, 1, Until::Boundary)], ..Round::default() }
///         } else {
///             Round::end()
///         }
///     }
///
///     fn name(&self) -> &'static str {
///         "chain"
///     }
/// }
/// ```
pub trait Strategy {
    /// The next round; one without asks ends the search.
    fn next(&mut self, tree: &Tree, account: &Account) -> Round;

    /// The name on the command line and in reports.
    fn name(&self) -> &'static str;
}
