//! Answers for voting: read and compared without gold.

use std::num::NonZeroU32;
use std::sync::Arc;

use espalier_core::{Answer, Answers};
use num_bigint::BigInt;
use num_traits::Signed;

use crate::code::Task;
use crate::dataset::{AnswerForm, DatasetKind};
use crate::extract::{Extracted, extract};
use crate::grade::class;

/// Reads answers of one form; what search votes with. Two functions are the same answer if and only if their texts are
/// equal after trimming, whatever they compute.
///
/// ```
/// use espalier_core::{Answer, Answers};
/// use espalier_eval::{AnswerForm, Votes};
/// let votes = Votes::new(AnswerForm::Latex);
/// assert_eq!(votes.extract(r"It is $\boxed{\frac12}$."), Some(Answer(r"\frac12".into())));
/// assert!(votes.same(&Answer("0.50".into()), &Answer(r"\dfrac{2}{4}".into())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Votes {
    form: AnswerForm,
    /// The function that is asked for, where answers are functions.
    task: Option<Arc<Task>>,
}

impl Votes {
    /// Votes over answers of this form. Functions are not found: see [`Self::of`].
    #[must_use]
    pub fn new(form: AnswerForm) -> Self {
        Self { form, task: None }
    }

    /// Votes over answers to a question.
    #[must_use]
    pub fn of(kind: DatasetKind, question: &str) -> Self {
        let form = kind.form();
        let task = (form == AnswerForm::Function).then(|| Task::parse(question)).flatten();
        Self { form, task: task.map(Arc::new) }
    }

    /// The form of the answers.
    #[must_use]
    pub fn form(&self) -> AnswerForm {
        self.form
    }

    /// The answer in a text, and the rule that found it.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Extracted> {
        match &self.task {
            Some(task) => task.extract(text),
            None => extract(text, self.form),
        }
    }
}

impl From<AnswerForm> for Votes {
    fn from(form: AnswerForm) -> Self {
        Self::new(form)
    }
}

impl Answers for Votes {
    fn extract(&self, text: &str) -> Option<Answer> {
        self.find(text).map(|found| found.answer)
    }

    fn same(&self, one: &Answer, other: &Answer) -> bool {
        one == other || class(one, self.form) == class(other, self.form)
    }
}

/// Answers that are whole numbers and count by their remainder; others are none.
///
/// Source: `filter_answers` in `kaggle-solution.ipynb` of
/// <https://github.com/project-numina/aimo-progress-prize>, whose answers are taken modulo 1000. Deviation:
/// a number that is not whole is no answer; there, it is rounded.
#[derive(Clone, Copy)]
pub struct Modulo<'a> {
    answers: &'a dyn Answers,
    modulo: NonZeroU32,
}

impl std::fmt::Debug for Modulo<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Modulo").field("modulo", &self.modulo).finish_non_exhaustive()
    }
}

impl<'a> Modulo<'a> {
    /// The remainders of `answers` by `modulo`.
    #[must_use]
    pub fn new(answers: &'a dyn Answers, modulo: NonZeroU32) -> Self {
        Self { answers, modulo }
    }

    /// The remainder of one answer; `None` where it is not a whole number of at least 0.
    #[must_use]
    pub fn of(answer: &Answer, modulo: NonZeroU32) -> Option<Answer> {
        let number: BigInt = crate::grade::exact_value(&answer.0)?.parse().ok()?;
        (!number.is_negative()).then(|| Answer((number % modulo.get()).to_string()))
    }
}

impl Answers for Modulo<'_> {
    fn extract(&self, text: &str) -> Option<Answer> {
        Self::of(&self.answers.extract(text)?, self.modulo)
    }

    fn same(&self, one: &Answer, other: &Answer) -> bool {
        one == other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WRITTEN: &[&str] = &[
        "1/2",
        "0.5",
        r"\frac12",
        "50%",
        "50",
        "$50",
        "50 apples",
        "1,000",
        "1000",
        "x=5",
        "5",
        "(1,2)",
        "(2,1)",
        r"\{1,2\}",
        "2, 1",
        r"\text{east}",
        "east",
        "",
        "x+1",
        "1+x",
        r"2\sqrt{3}",
        r"\sqrt{12}",
        "9^9^9^9",
        r"\boxed{",
        "x < 3",
        "(1 + 2) * 3",
        "3*(2+1)",
        "9",
        "3 * 3",
        "1 / 0",
        "(1 + 2",
        "= 9 of [1, 2, 3]",
    ];

    #[test]
    fn remainders_are_of_whole_numbers() {
        let votes = Votes::new(AnswerForm::Latex);
        let modulo = Modulo::new(&votes, NonZeroU32::new(1000).unwrap());
        let read = |text: &str| modulo.extract(text).map(|answer| answer.0);
        assert_eq!(read(r"\boxed{2052}").as_deref(), Some("52"));
        assert_eq!(read(r"\boxed{7}").as_deref(), Some("7"));
        for none in [r"\boxed{-1}", r"\boxed{\frac{1}{2}}", r"\boxed{x}", "nothing"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn expressions_vote_by_value_and_numbers() {
        let votes = Votes::new(AnswerForm::Expression);
        let same = |one: &str, other: &str| votes.same(&Answer(one.into()), &Answer(other.into()));
        assert!(same("(1 + 2) * 3", "3*(2+1)") && same("(1 + 2", "(1 + 2"));
        for other in ["9", "3 * 3", "(1 + 2) + 3", "(1 + 2) * 3)", "= 9 of [1, 2, 3]"] {
            assert!(!same("(1 + 2) * 3", other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn same_is_an_equivalence(
            one in prop::sample::select(WRITTEN),
            two in prop::sample::select(WRITTEN),
            three in prop::sample::select(WRITTEN),
            form in prop::sample::select(vec![AnswerForm::Number, AnswerForm::Latex, AnswerForm::Expression]),
        ) {
            let votes = Votes::new(form);
            let [one, two, three] = [one, two, three].map(|text| Answer(text.to_owned()));
            prop_assert!(votes.same(&one, &one));
            prop_assert_eq!(votes.same(&one, &two), votes.same(&two, &one));
            if votes.same(&one, &two) && votes.same(&two, &three) {
                prop_assert!(votes.same(&one, &three));
            }
        }

        #[test]
        fn same_is_reflexive_and_symmetric_on_any_text(one in "\\PC{0,20}", two in "\\PC{0,20}") {
            let votes = Votes::new(AnswerForm::Latex);
            let (one, two) = (Answer(one), Answer(two));
            prop_assert!(votes.same(&one, &one.clone()));
            prop_assert_eq!(votes.same(&one, &two), votes.same(&two, &one));
        }
    }
}
