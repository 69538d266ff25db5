//! The error of a checkpoint that is not of the family it is read as.

use espalier_core::{Head, ModelError};

/// Why a model cannot be read as a reward model of a family.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WrongFamily {
    /// The model has no such head.
    #[error(
        "this is not a reward model of the family `{family}`: it needs {needed}, the checkpoint has \
         {found}; name the family of this checkpoint, or give another checkpoint"
    )]
    NoHead {
        /// The family.
        family: &'static str,
        /// The head it needs.
        needed: String,
        /// The heads there are.
        found: String,
    },
    /// A mark is not one token of the model's vocabulary.
    #[error(
        "this is not a reward model of the family `{family}`: its tokenizer makes {tokens} tokens of the \
         mark `{mark}`, where {wanted} must be; name the family of this checkpoint, or give another \
         checkpoint"
    )]
    Mark {
        /// The family.
        family: &'static str,
        /// The text of the mark.
        mark: &'static str,
        /// Tokens it becomes.
        tokens: usize,
        /// Tokens it must become.
        wanted: usize,
    },
    /// The mark changes the tokens around it.
    #[error(
        "this is not a reward model of the family `{family}`: its tokenizer joins the mark `{mark}` with \
         the text around it; name the family of this checkpoint, or give another checkpoint"
    )]
    Joined {
        /// The family.
        family: &'static str,
        /// The text of the mark.
        mark: &'static str,
    },
    /// The model lacks a token that begins its texts.
    #[error(
        "the family `{family}` begins its texts with a token that this checkpoint does not name; give \
         `bos_token` in its `tokenizer_config.json`"
    )]
    NoBeginning {
        /// The family.
        family: &'static str,
    },
    /// The tokenizer or the chat template failed.
    #[error("the text of the family `{family}` cannot be made with this checkpoint")]
    Text {
        /// The family.
        family: &'static str,
        /// The cause.
        #[source]
        source: ModelError,
    },
}

impl WrongFamily {
    pub(crate) fn no_head(family: &'static str, name: &str, outputs: u32, heads: &[Head]) -> Self {
        let told = |head: &Head| described(&head.name, head.outputs);
        let found = match heads {
            [] => "no head but the vocabulary's".to_owned(),
            _ => heads.iter().map(told).collect::<Vec<_>>().join(" and "),
        };
        Self::NoHead { family, needed: described(name, outputs), found }
    }

    /// Says of what family a text could not be made.
    pub(crate) fn text(family: &'static str) -> impl Fn(ModelError) -> Self {
        move |source| Self::Text { family, source }
    }
}

fn described(name: &str, outputs: u32) -> String {
    match outputs {
        1 => format!("a head `{name}` of 1 output"),
        _ => format!("a head `{name}` of {outputs} outputs"),
    }
}
