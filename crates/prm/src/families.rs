//! Families: process and outcome reward models whose checkpoints are published, one file each.
//!
//! A family says how problem and steps become the model's own text, where the mark of a step is, and
//! how the score is read there. Reading one model in another family's way gives numbers that look like
//! scores; what can be checked of that is checked before anything is read.

pub mod math_shepherd;
pub mod qwen;
pub mod rlhflow;
pub mod skywork;
pub mod value;

use crate::{Bounds, Layout, Readout, sequences::Sequences};

/// How a reward model is read; made by the functions of the families, or of a layout of one's own.
#[derive(Debug)]
pub struct Family {
    pub(crate) sequences: Sequences,
    pub(crate) readout: Readout,
}

impl Family {
    /// A family of one's own: its text, and what is read at the text's last token.
    #[must_use]
    pub fn new(layout: Box<dyn Layout>, readout: Readout, bounds: Bounds) -> Self {
        Self { sequences: Sequences::Laid { layout, bounds }, readout }
    }
}
