//! Marks: the file beside a reward model that was trained here, which says how it marks steps.

use std::path::Path;

use anyhow::anyhow;
use espalier_core::TokenId;
use espalier_models::LocalReader;
use serde::Deserialize;

use super::failure::Failure;
use crate::args::PrmFamilyArg;

/// How steps are marked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Marks {
    /// How scores are read.
    #[expect(dead_code, reason = "there is one way, and reading it checks that")]
    family: Reading,
    /// The token that marks a good step.
    good: String,
    /// The token that marks a bad one.
    bad: String,
}

/// How scores are read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Reading {
    /// A mark is predicted after the last token of each step.
    StepMarks,
}

impl Marks {
    /// The file; `cargo xtask train` writes it.
    pub(super) const FILE: &str = "prm.json";

    /// Returns true if and only if a directory has the file.
    pub(super) fn are_there(path: &Path) -> bool {
        path.join(Self::FILE).exists()
    }

    /// Reads the file of a directory.
    ///
    /// # Errors
    ///
    /// Bad input where it is missing or does not say how to read scores.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let text = std::fs::read(path.join(Self::FILE)).map_err(|error| {
            Failure::BadInput(anyhow!(
                "`{shown}` is not a process reward model that was trained here, `{}` cannot be read: {error}; \
                 give a directory that `cargo xtask train reward` made, or name another family with \
                 `--prm-family`: {}",
                Self::FILE,
                PrmFamilyArg::names()
            ))
        })?;
        serde_json::from_slice(&text).map_err(|error| {
            Failure::BadInput(anyhow!(
                "`{shown}/{}` does not say how to read scores: {error}; it must have `family`: `step-marks`, \
                 `good` and `bad`",
                Self::FILE
            ))
        })
    }

    /// The ids of the good mark and the bad one.
    ///
    /// # Errors
    ///
    /// Bad input where one is not a token of the model.
    pub(super) fn ids(
        &self,
        path: &Path,
        reader: &LocalReader,
    ) -> Result<(TokenId, TokenId), Failure> {
        let id = |mark: &str| {
            reader.token_id(mark).ok_or_else(|| {
                Failure::BadInput(anyhow!(
                    "`{}/{}`: the mark `{mark}` is not one token of the model",
                    path.display(),
                    Self::FILE
                ))
            })
        };
        Ok((id(&self.good)?, id(&self.bad)?))
    }
}
