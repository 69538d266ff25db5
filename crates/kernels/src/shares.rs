//! Shares: the rows and the head that a thread attends to at a time.

use std::ops::Range;

/// Rows of a share at most: they read a shared run once.
const ROWS: usize = 16;
/// Rows of a share at least, where there are as many: with fewer it is reading the run that takes the time.
const FEW: usize = 4;

/// The rows and the head of each share, the largest first: every row and head in one.
///
/// Each reads the runs of its head for itself, so there are few; those that not every thread would have one of
/// are divided among all.
pub(crate) fn shares(n_rows: usize, kv_heads: usize, threads: usize) -> Vec<(Range<usize>, usize)> {
    let height = n_rows.div_ceil(n_rows.div_ceil(ROWS).max(1)).max(1);
    let mut all: Vec<(Range<usize>, usize)> = divided(0..n_rows, height)
        .flat_map(|rows| (0..kv_heads).map(move |head| (rows.clone(), head)))
        .collect();
    let over = if all.len() < 4 * threads { all.len() % threads } else { 0 };
    // So many of each that all threads have as many.
    let pieces = (1..threads).find(|pieces| (over * pieces).is_multiple_of(threads));
    let pieces = pieces.unwrap_or(threads);
    for (rows, head) in all.split_off(all.len() - over) {
        let height = rows.len().div_ceil(pieces).max(FEW);
        all.extend(divided(rows, height).map(|rows| (rows, head)));
    }
    all
}

/// Parts of `height` rows, the last of which may have fewer.
fn divided(rows: Range<usize>, height: usize) -> impl Iterator<Item = Range<usize>> {
    rows.clone().step_by(height).map(move |from| from..rows.end.min(from + height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_and_head_is_in_one_share() {
        for (n_rows, heads, threads) in
            [(0, 3, 2), (1, 3, 2), (5, 1, 4), (16, 3, 2), (16, 2, 16), (17, 8, 3), (100, 3, 7)]
        {
            let mut shared = vec![0; n_rows * heads];
            for (rows, head) in shares(n_rows, heads, threads) {
                assert!(!rows.is_empty() && rows.len() <= ROWS);
                rows.for_each(|row| shared[row * heads + head] += 1);
            }
            assert!(shared.iter().all(|times| *times == 1), "{n_rows} {heads} {threads}");
        }
    }

    #[test]
    fn what_is_over_is_divided_among_all_threads_and_nothing_else_is() {
        let sizes = |n_rows, heads, threads| -> Vec<usize> {
            shares(n_rows, heads, threads).into_iter().map(|(rows, _)| rows.len()).collect()
        };
        assert_eq!(sizes(16, 3, 2), [16, 16, 8, 8]);
        assert_eq!(sizes(16, 2, 2), [16, 16]);
        assert_eq!(sizes(64, 3, 2), [16; 12]);
        assert_eq!(sizes(16, 2, 3), [6, 6, 4, 6, 6, 4]);
        assert_eq!(sizes(16, 1, 8), [4; 4], "not fewer rows than pay");
        assert_eq!(sizes(3, 3, 2), [3; 3]);
    }
}
