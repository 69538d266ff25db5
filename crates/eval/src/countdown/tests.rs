//! Laws of the game, over all its puzzles or many drawn ones.

use espalier_core::Seed;

use super::*;

#[test]
fn the_solvable_games_are_those_of_the_list() {
    assert_eq!(all_game24().len(), 1362);
}
