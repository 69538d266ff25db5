//! Budgets: what a search may spend, with one meaning for every strategy.

use std::num::{NonZeroU64, NonZeroU128};
use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize};

use crate::Usage;

/// Amounts spent or reserved, one for each axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spend {
    /// Tokens sampled from policies, those of pruned branches and of judgements included.
    pub generated: u64,
    /// Tokens run through a scorer's model.
    pub scored: u64,
    /// All tokens run through any model: prefill, decoding and scoring.
    pub computed: u64,
    /// Requests made of models.
    pub calls: u64,
    /// Floating-point operations, cache-aware.
    pub flops: u128,
    /// 10⁻⁹ US dollars.
    pub nano_usd: u64,
    /// Nanoseconds by the injected clock. The one axis that can overshoot: time is only known after.
    pub nanoseconds: u64,
}

impl Spend {
    /// The spend of one answered policy request.
    #[must_use]
    pub fn of_policy(usage: &Usage) -> Self {
        Self {
            generated: usage.sampled,
            computed: usage.computed(),
            calls: 1,
            flops: usage.flops,
            nano_usd: usage.nano_usd,
            ..Self::default()
        }
    }

    /// The spend of one answered scorer request. Scorers that read no model make no call.
    #[must_use]
    pub fn of_scorer(usage: &Usage) -> Self {
        Self {
            scored: usage.computed(),
            computed: usage.computed(),
            calls: u64::from(*usage != Usage::default()),
            flops: usage.flops,
            nano_usd: usage.nano_usd,
            ..Self::default()
        }
    }

    /// The amount on one axis.
    #[must_use]
    pub fn on(&self, axis: Axis) -> u128 {
        match axis {
            Axis::Generated => self.generated.into(),
            Axis::Scored => self.scored.into(),
            Axis::Computed => self.computed.into(),
            Axis::Calls => self.calls.into(),
            Axis::Flops => self.flops,
            Axis::NanoUsd => self.nano_usd.into(),
            Axis::Nanoseconds => self.nanoseconds.into(),
        }
    }
}

macro_rules! fieldwise {
    ($trait:ident, $method:ident, $assign:ident, $assign_method:ident, $op:tt) => {
        impl $assign for Spend {
            fn $assign_method(&mut self, other: Self) {
                self.generated $op other.generated;
                self.scored $op other.scored;
                self.computed $op other.computed;
                self.calls $op other.calls;
                self.flops $op other.flops;
                self.nano_usd $op other.nano_usd;
                self.nanoseconds $op other.nanoseconds;
            }
        }

        impl $trait for Spend {
            type Output = Self;

            fn $method(mut self, other: Self) -> Self {
                $assign::$assign_method(&mut self, other);
                self
            }
        }
    };
}
fieldwise!(Add, add, AddAssign, add_assign, +=);
fieldwise!(Sub, sub, SubAssign, sub_assign, -=);

/// One axis of a [`Budget`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// [`Spend::generated`].
    Generated,
    /// [`Spend::scored`].
    Scored,
    /// [`Spend::computed`].
    Computed,
    /// [`Spend::calls`].
    Calls,
    /// [`Spend::flops`].
    Flops,
    /// [`Spend::nano_usd`].
    NanoUsd,
    /// [`Spend::nanoseconds`].
    Nanoseconds,
}

impl Axis {
    /// Every axis, in the order they are checked.
    pub const ALL: [Self; 7] = [
        Self::Generated,
        Self::Scored,
        Self::Computed,
        Self::Calls,
        Self::Flops,
        Self::NanoUsd,
        Self::Nanoseconds,
    ];
}

/// Upper bounds on [`Spend`]; `None` leaves an axis unbounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// Bound on [`Spend::generated`].
    pub generated: Option<u64>,
    /// Bound on [`Spend::scored`].
    pub scored: Option<u64>,
    /// Bound on [`Spend::computed`].
    pub computed: Option<u64>,
    /// Bound on [`Spend::calls`].
    pub calls: Option<u64>,
    /// Bound on [`Spend::flops`].
    pub flops: Option<u128>,
    /// Bound on [`Spend::nano_usd`].
    pub nano_usd: Option<u64>,
    /// Bound on [`Spend::nanoseconds`].
    pub nanoseconds: Option<u64>,
}

impl Budget {
    /// The bound on one axis.
    #[must_use]
    pub fn on(&self, axis: Axis) -> Option<u128> {
        match axis {
            Axis::Generated => self.generated.map(u128::from),
            Axis::Scored => self.scored.map(u128::from),
            Axis::Computed => self.computed.map(u128::from),
            Axis::Calls => self.calls.map(u128::from),
            Axis::Flops => self.flops,
            Axis::NanoUsd => self.nano_usd.map(u128::from),
            Axis::Nanoseconds => self.nanoseconds.map(u128::from),
        }
    }

    /// The share of one of `of` searches that this bounds together: an equal share of each axis, and of what is
    /// left over 1 for each of the first searches, so that the shares add up to the bounds.
    ///
    /// ```
    /// use espalier_core::Budget;
    /// let budget = Budget { generated: Some(101), calls: Some(1), ..Budget::default() };
    /// let of = std::num::NonZeroU64::new(2).unwrap();
    /// let [first, second] = [0, 1].map(|index| budget.share(index, of));
    /// assert_eq!((first.generated, second.generated), (Some(51), Some(50)));
    /// assert_eq!((first.calls, second.calls), (Some(1), Some(0)));
    /// assert_eq!(first.computed, None);
    /// ```
    #[must_use]
    pub fn share(&self, index: u64, of: NonZeroU64) -> Self {
        let part = |bound: u64| bound / of + u64::from(index < bound % of);
        let wide = NonZeroU128::from(of);
        Self {
            generated: self.generated.map(part),
            scored: self.scored.map(part),
            computed: self.computed.map(part),
            calls: self.calls.map(part),
            flops: self.flops.map(|n| n / wide + u128::from(u128::from(index) < n % wide)),
            nano_usd: self.nano_usd.map(part),
            nanoseconds: self.nanoseconds.map(part),
        }
    }

    /// The first axis on which `spend` exceeds its bound.
    #[must_use]
    pub fn exceeded(&self, spend: &Spend) -> Option<Axis> {
        Axis::ALL
            .into_iter()
            .find(|&axis| self.on(axis).is_some_and(|bound| spend.on(axis) > bound))
    }

    /// The largest share of any bound that `spend` uses: 1 is exhausted; `None` without bounds.
    #[must_use]
    pub fn utilisation(&self, spend: &Spend) -> Option<f64> {
        let share =
            |axis: Axis| {
                self.on(axis).map(|bound| {
                    if bound == 0 { 1.0 } else { spend.on(axis) as f64 / bound as f64 }
                })
            };
        Axis::ALL.into_iter().filter_map(share).reduce(f64::max)
    }
}

/// An amount set aside for a round that is under way. Settle it exactly once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a reservation that is never settled stays reserved"]
pub struct Reservation(Spend);

impl Reservation {
    /// The amount set aside.
    #[must_use]
    pub fn amount(&self) -> Spend {
        self.0
    }
}

/// One search's budget at work: admission before spending, refund after.
///
/// ```
/// use espalier_core::{Account, Axis, Budget, Spend};
/// let tokens = |generated| Spend { generated, ..Spend::default() };
/// let mut account = Account::new(Budget { generated: Some(100), ..Budget::default() });
/// let round = account.reserve(tokens(80)).unwrap();
/// assert_eq!(account.reserve(tokens(30)), Err(Axis::Generated));
/// account.settle(round, tokens(50)); // 30 come back
/// assert_eq!(account.spent(), tokens(50));
/// assert!(account.reserve(tokens(50)).is_ok());
/// ```
#[derive(Debug, Clone)]
pub struct Account {
    budget: Budget,
    spent: Spend,
    reserved: Spend,
}

impl Account {
    /// An account that has spent nothing.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self { budget, spent: Spend::default(), reserved: Spend::default() }
    }

    /// The bounds.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What has been spent and settled.
    #[must_use]
    pub fn spent(&self) -> Spend {
        self.spent
    }

    /// How many of these worst cases fit, taken from the front.
    #[must_use]
    pub fn affordable(&self, worst: &[Spend]) -> usize {
        let mut sum = self.spent + self.reserved;
        worst
            .iter()
            .take_while(|&&one| {
                sum += one;
                self.budget.exceeded(&sum).is_none()
            })
            .count()
    }

    /// Sets `worst` aside.
    ///
    /// # Errors
    ///
    /// The first axis it does not fit on; nothing is set aside then.
    pub fn reserve(&mut self, worst: Spend) -> Result<Reservation, Axis> {
        if let Some(axis) = self.budget.exceeded(&(self.spent + self.reserved + worst)) {
            return Err(axis);
        }
        self.reserved += worst;
        Ok(Reservation(worst))
    }

    /// Ends a reservation: `spent` is spent, the rest comes back.
    #[expect(clippy::needless_pass_by_value, reason = "a reservation is settled exactly once")]
    pub fn settle(&mut self, reservation: Reservation, spent: Spend) {
        let Reservation(amount) = reservation;
        self.reserved -= amount;
        self.spent += spent;
    }

    /// Records time that has passed.
    pub fn pass(&mut self, nanoseconds: u64) {
        self.spent.nanoseconds += nanoseconds;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn admitted_rounds_never_overshoot(
            bound in 0_u64..500,
            rounds in prop::collection::vec((1_u64..60, 0_u64..100), 0..40),
        ) {
            let mut account = Account::new(Budget { computed: Some(bound), ..Budget::default() });
            let tokens = |computed| Spend { computed, ..Spend::default() };
            for (worst, percent) in rounds {
                if let Ok(reservation) = account.reserve(tokens(worst)) {
                    account.settle(reservation, tokens(worst * percent / 100));
                }
                prop_assert!(account.spent().computed <= bound);
            }
        }

        #[test]
        fn affordable_is_the_longest_prefix_that_can_be_reserved(
            bound in 0_u64..200,
            worst in prop::collection::vec(0_u64..60, 0..20),
        ) {
            let worst: Vec<Spend> =
                worst.into_iter().map(|calls| Spend { calls, ..Spend::default() }).collect();
            let account = Account::new(Budget { calls: Some(bound), ..Budget::default() });
            let fits = account.affordable(&worst);
            let sum = |n: usize| worst[..n].iter().fold(Spend::default(), |sum, one| sum + *one);
            prop_assert!(account.clone().reserve(sum(fits)).is_ok());
            if fits < worst.len() {
                prop_assert_eq!(account.clone().reserve(sum(fits + 1)), Err(Axis::Calls));
            }
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_budget(bound in any::<u64>(), flops in any::<u128>(), of in 1_u64..9) {
            let budget = Budget { computed: Some(bound), flops: Some(flops), ..Budget::default() };
            let count = NonZeroU64::new(of).unwrap();
            let shares: Vec<Budget> = (0..of).map(|index| budget.share(index, count)).collect();
            for axis in [Axis::Computed, Axis::Flops] {
                let parts: Vec<u128> = shares.iter().filter_map(|share| share.on(axis)).collect();
                prop_assert_eq!(Some(parts.iter().sum()), budget.on(axis));
                prop_assert!(parts[0] - parts[parts.len() - 1] <= 1, "and are equal but for the rest");
            }
            prop_assert_eq!(shares[0].calls, None);
        }
    }

    #[test]
    fn utilisation_is_the_tightest_axis() {
        let budget = Budget { generated: Some(100), calls: Some(10), ..Budget::default() };
        let spend = Spend { generated: 20, calls: 9, ..Spend::default() };
        assert_eq!(budget.utilisation(&spend), Some(0.9));
        assert_eq!(Budget::default().utilisation(&spend), None);
    }
}
