//! Beliefs: what a few observations say of a value, and draws from that.

use std::convert::Infallible;

use espalier_core::Seed;
use rand::TryRng;
use rand_distr::{Beta, Distribution, StudentT};

use crate::BadStrategy;

/// What is believed of a value before it was observed, and how observations are distributed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Prior {
    /// Observations are normal with unknown mean and variance, which are normal-inverse-χ²: the mean is
    /// worth `kappa` observations of `mean`, the variance `nu` observations of `tau_square`.
    Gaussian {
        /// The expected mean.
        mean: f64,
        /// How many observations that is worth.
        kappa: f64,
        /// How many observations the variance is worth.
        nu: f64,
        /// The expected variance.
        tau_square: f64,
    },
    /// Observations in [0, 1] are shares of successes; larger and smaller ones are taken for 1 and 0.
    Beta {
        /// Successes that are believed to have been observed.
        a: f64,
        /// Failures that are believed to have been observed.
        b: f64,
    },
}

impl Prior {
    /// The normal prior of the authors' code of AB-MCTS-A: mean 0, κ = 1, ν = 1, τ² = 0.1.
    ///
    /// Source: <https://github.com/SakanaAI/treequest>, `ab_mcts_a/prob_state.py`.
    pub const GAUSSIAN: Self = Self::Gaussian { mean: 0.0, kappa: 1.0, nu: 1.0, tau_square: 0.1 };

    /// Jeffreys' prior of a share, which is that code's other one: a = b = 1/2.
    pub const JEFFREYS: Self = Self::Beta { a: 0.5, b: 0.5 };

    pub(crate) fn check(self) -> Result<Self, BadStrategy> {
        let positive = |flag, value: f64| {
            let wanted = "a finite number above 0";
            if value.is_finite() && value > 0.0 {
                Ok(())
            } else {
                Err(BadStrategy::OutOfRange { flag, value, wanted })
            }
        };
        match self {
            Self::Gaussian { mean, kappa, nu, tau_square } => {
                if !mean.is_finite() {
                    let (flag, wanted) = ("--prior-mean", "a finite number");
                    return Err(BadStrategy::OutOfRange { flag, value: mean, wanted });
                }
                positive("--prior-kappa", kappa)?;
                positive("--prior-nu", nu)?;
                positive("--prior-tau-square", tau_square)?;
            }
            Self::Beta { a, b } => {
                positive("--prior-a", a)?;
                positive("--prior-b", b)?;
            }
        }
        Ok(self)
    }
}

/// Observations of one value, as far as a posterior needs them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Belief {
    count: f64,
    mean: f64,
    /// Sum of squared distances from the mean.
    spread: f64,
    /// Sum of the observations, each taken into [0, 1].
    successes: f64,
}

impl Belief {
    /// Takes in one observation.
    pub fn observe(&mut self, value: f64) {
        self.count += 1.0;
        let from = value - self.mean;
        self.mean += from / self.count;
        self.spread += from * (value - self.mean);
        self.successes += value.clamp(0.0, 1.0);
    }

    /// How often the value was observed.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count as u32
    }

    /// The posterior's parameters, in the order of the prior's: conjugate updates.
    ///
    /// Source: Murphy 2023, <https://probml.github.io/pml-book/book2.html>, section 3.4.3.3, which the
    /// authors' code cites.
    ///
    /// ```
    /// use espalier_search::belief::{Belief, Prior};
    /// let mut belief = Belief::default();
    /// belief.observe(0.5);
    /// belief.observe(1.0);
    /// // κ = 3; mean = (0 + 2 × 0.75) / 3; ν = 3; τ² = (0.1 + 0.125 + 2 × 0.75² / 3) / 3.
    /// let Prior::Gaussian { mean, kappa, nu, tau_square } = belief.posterior(Prior::GAUSSIAN) else { panic!() };
    /// assert!((mean - 0.5).abs() < 1e-12 && kappa == 3.0 && nu == 3.0);
    /// assert!((tau_square - 0.2).abs() < 1e-12);
    /// assert_eq!(belief.posterior(Prior::JEFFREYS), Prior::Beta { a: 2.0, b: 1.0 });
    /// ```
    #[must_use]
    pub fn posterior(&self, prior: Prior) -> Prior {
        let n = self.count;
        match prior {
            Prior::Gaussian { mean, kappa, nu, tau_square } => {
                let from = mean - self.mean;
                let sum = nu * tau_square + self.spread + n * kappa * from * from / (kappa + n);
                Prior::Gaussian {
                    mean: (kappa * mean + n * self.mean) / (kappa + n),
                    kappa: kappa + n,
                    nu: nu + n,
                    tau_square: sum / (nu + n),
                }
            }
            Prior::Beta { a, b } => {
                Prior::Beta { a: a + self.successes, b: b + n - self.successes }
            }
        }
    }

    /// One draw of the value's mean, as it is believed to be after the observations. (The normal mean,
    /// its variance integrated out, is distributed as Student's t.)
    ///
    /// # Panics
    ///
    /// Where a number of the prior, the mean aside, is not above 0.
    pub fn draw(&self, prior: Prior, draws: &mut Draws) -> f64 {
        match self.posterior(prior) {
            Prior::Gaussian { mean, kappa, nu, tau_square } => {
                let t = StudentT::new(nu).expect("a checked prior has positive degrees of freedom");
                mean + (tau_square / kappa).sqrt() * t.sample(draws)
            }
            Prior::Beta { a, b } => {
                let beta = Beta::new(a, b).expect("a checked prior has positive counts");
                beta.sample(draws)
            }
        }
    }
}

/// Draws from one seed, one after the other.
#[derive(Debug, Clone)]
pub struct Draws {
    seed: Seed,
    position: u64,
}

impl Draws {
    /// The draws of this seed.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self { seed, position: 0 }
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|bits| (bits >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.position += 1;
        Ok(self.seed.fold(self.position).bits())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
        Ok(())
    }
}
