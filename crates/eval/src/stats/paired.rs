//! Paired proportions: two ways to answer the same problems, and whether one is better.

use serde::{Deserialize, Serialize};

use super::{Interval, Z_95};

/// What two runs did with the same problems.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairs {
    /// Right in both.
    pub both: u64,
    /// Right in the first alone.
    pub first: u64,
    /// Right in the second alone.
    pub second: u64,
    /// Right in neither.
    pub neither: u64,
}

/// How much more the second has right than the first, and how far that can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The share of the second less that of the first.
    pub difference: f64,
    /// Its 95 % interval; from −1 to 1.
    pub interval: Interval,
    /// The probability of a split of the problems that only one has right at least as uneven as this,
    /// were both equally good: the test of `McNemar`, exact and two-sided.
    pub p_value: f64,
}

impl Pairs {
    /// Adds a problem.
    pub fn add(&mut self, first: bool, second: bool) {
        *match (first, second) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.first,
            (false, true) => &mut self.second,
            (false, false) => &mut self.neither,
        } += 1;
    }

    /// The number of problems.
    pub fn n(&self) -> u64 {
        self.both + self.first + self.second + self.neither
    }

    /// The difference; `None` without problems.
    ///
    /// # Source
    ///
    /// The test: `McNemar` 1947, <https://doi.org/10.1007/BF02295996>, with the exact binomial distribution.
    /// The interval: Bonett and Price 2012, <https://doi.org/10.3102/1076998611411915>, an adjusted Wald
    /// interval, which adds one problem to each kind that only one run has right. The difference itself is
    /// not adjusted. Pairing for language models: Miller 2024, section 4.2,
    /// <https://arxiv.org/abs/2411.00640>.
    ///
    /// # Example
    ///
    /// ```
    /// use espalier_eval::stats::Pairs;
    /// let seen = Pairs { both: 60, first: 5, second: 15, neither: 20 }.difference().unwrap();
    /// assert!((seen.difference - 0.1).abs() < 1e-12);
    /// // 2 · Σ C(20, k) / 2^20 for k = 0 … 5.
    /// assert!((seen.p_value - 0.041_389).abs() < 1e-6);
    /// ```
    #[must_use]
    pub fn difference(&self) -> Option<Difference> {
        let n = self.n();
        if n == 0 {
            return None;
        }
        let adjusted = n as f64 + 2.0;
        let (first, second) =
            ((self.first as f64 + 1.0) / adjusted, (self.second as f64 + 1.0) / adjusted);
        let centre = second - first;
        let half = Z_95 * ((first + second - centre * centre) / adjusted).sqrt();
        let interval = Interval { low: (centre - half).max(-1.0), high: (centre + half).min(1.0) };
        let difference = (self.second as f64 - self.first as f64) / n as f64;
        Some(Difference { difference, interval, p_value: self.p_value() })
    }

    fn p_value(&self) -> f64 {
        let (told, fewer) = (self.first + self.second, self.first.min(self.second));
        // Logarithms: 2^−n is no f64 for large n.
        let mut log_term = -(told as f64) * std::f64::consts::LN_2;
        let mut sum = log_term.exp();
        for k in 1..=fewer {
            log_term += ((told - k + 1) as f64 / k as f64).ln();
            sum += log_term.exp();
        }
        (2.0 * sum).min(1.0)
    }
}

impl Difference {
    /// Returns true if and only if so uneven a split would be seen less than once in twenty times were
    /// both equally good.
    pub fn is_distinguishable(&self) -> bool {
        self.p_value < 0.05
    }
}

#[cfg(test)]
mod tests {
    use espalier_core::Seed;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exact_values() {
        let p = |first, second| Pairs { first, second, ..Pairs::default() }.p_value();
        // By hand: 2 · (1) / 2^4, 2 · (1 + 6) / 2^6, and nothing to tell.
        assert!((p(0, 4) - 0.125).abs() < 1e-12);
        assert!((p(5, 1) - 0.218_75).abs() < 1e-12);
        assert!((p(0, 0) - 1.0).abs() < 1e-12 && (p(7, 7) - 1.0).abs() < 1e-12);
        assert!(p(0, 5000) < 1e-300 && p(0, 6) < 0.05 && p(0, 5) > 0.05);
        assert_eq!(Pairs::default().difference(), None);
    }

    #[test]
    fn ninety_five_percent_of_intervals_contain_the_truth() {
        // Chances of: right in the first alone, in the second alone.
        for (first, second, n) in
            [(0.1, 0.1, 50), (0.05, 0.3, 50), (0.02, 0.1, 100), (0.2, 0.4, 30)]
        {
            let covered = (0..4000_u64).filter(|&experiment| {
                let seed = Seed::run(5).problem(experiment);
                let mut pairs = Pairs::default();
                for draw in 0..n {
                    let at = seed.uniform(draw);
                    pairs.add(at < first, (first..first + second).contains(&at));
                }
                let interval = pairs.difference().unwrap().interval;
                interval.contains(second - first)
            });
            let share = covered.count() as f64 / 4000.0;
            assert!((0.93..=0.985).contains(&share), "{first} {second} {n}: {share}");
        }
    }

    proptest! {
        #[test]
        fn swapping_the_runs_mirrors_the_difference(
            (both, first, second, neither) in (0_u64..50, 0_u64..50, 0_u64..50, 1_u64..50),
        ) {
            let one = Pairs { both, first, second, neither }.difference().unwrap();
            let other = Pairs { both, first: second, second: first, neither }.difference().unwrap();
            prop_assert!((one.difference + other.difference).abs() < 1e-12);
            prop_assert!((one.interval.low + other.interval.high).abs() < 1e-12);
            prop_assert!((one.p_value - other.p_value).abs() < 1e-12);
            prop_assert!(one.p_value > 0.0 && one.p_value <= 1.0);
        }
    }
}
