//! Trajectories: finished paths, as lines that training reads.

use espalier_core::{NodeId, ObservationStatus, Profile, Step, TokenId};
use espalier_search::Tree;
use serde::{Deserialize, Serialize};

use crate::dataset::DatasetKind;
use crate::record::hexadecimal;
use crate::status::Status;

/// Whose words a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voice {
    /// The policy sampled it: it is learned.
    Policy,
    /// A tool left it: it is read and not learned.
    Tool,
}

/// A step of a trajectory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Whose words it is.
    pub role: Voice,
    /// What it says, special tokens left out.
    pub text: String,
    /// How the call ended; `None` for the policy's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ObservationStatus>,
    /// The tokens that the policy sampled or read here, special ones among them; empty where they are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<TokenId>,
}

/// Tokens of a trajectory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Of the prompt.
    pub prompt: u64,
    /// That the policy sampled.
    pub policy: u64,
    /// That tools left.
    pub tool: u64,
}

/// A path from the prompt to an ended answer; a line of a file that `train sft` reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trajectory {
    /// The run's directory, as it was given.
    pub run: String,
    /// The strategy, in short.
    pub strategy: String,
    /// The layout of the dataset.
    pub dataset: DatasetKind,
    /// The problem's name in the run.
    pub problem: String,
    /// The content hash of the question, by which a problem is known.
    #[serde(with = "hexadecimal")]
    pub hash: u64,
    /// The question.
    pub question: String,
    /// What the policy was prompted with: the question in its template. The token that begins a text is not in it.
    pub prompt: String,
    /// The steps, in order.
    pub segments: Vec<Segment>,
    /// The answer, as written; `None` where none was found.
    pub answer: Option<String>,
    /// What the grader says of it.
    pub verdict: Status,
    /// Whether the policy wrote an output of a tool itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forged: bool,
    /// The path's score; `None` where nothing scored it.
    pub score: Option<f32>,
    /// The node of the run's tree that it ends with.
    pub node: NodeId,
    /// Its tokens.
    pub tokens: Counts,
    /// The run's seed; `None` for a strategy without.
    pub seed: Option<u64>,
}

impl Trajectory {
    /// All that stands after the prompt.
    #[must_use]
    pub fn text(&self) -> String {
        self.segments.iter().map(|segment| &*segment.text).collect()
    }

    /// Returns true if and only if it is right and makes no output of a tool up.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.verdict == Status::Right && !self.forged
    }
}

/// The steps on the path to `id`, and whether one of them makes an output up, as `profile` reads it.
pub(super) fn segments(
    tree: &Tree,
    id: NodeId,
    profile: Option<&dyn Profile>,
) -> (Vec<Segment>, bool) {
    let path = tree.path(id);
    let forges = |step: &&std::sync::Arc<Step>| {
        step.observed.is_none() && profile.is_some_and(|profile| profile.forges(step))
    };
    let forged = path.steps.iter().any(|step| forges(&step));
    let segment = |step: &std::sync::Arc<Step>| Segment {
        role: if step.observed.is_some() { Voice::Tool } else { Voice::Policy },
        text: step.text.clone(),
        status: step.observed.map(|observed| observed.status),
        ids: step.tokens.to_vec(),
    };
    (path.steps.iter().map(segment).collect(), forged)
}

/// The tokens of segments, after a prompt of so many.
pub(super) fn counts(prompt: u64, segments: &[Segment]) -> Counts {
    let of = |role: Voice| {
        let own = segments.iter().filter(|segment| segment.role == role);
        own.map(|segment| segment.ids.len() as u64).sum()
    };
    Counts { prompt, policy: of(Voice::Policy), tool: of(Voice::Tool) }
}
