//! The vocabulary of Espalier.
//!
//! A [`Policy`] proposes [`Step`]s; a [`Path`] runs from the prompt to a node; a [`Scorer`] gives a
//! finite [`Score`] to the last step of a path; a strategy answers each tree with a [`Round`] of
//! [`Ask`]s; a [`Budget`] bounds what a search may [`Spend`], a [`Ledger`] records what it did, a
//! trace of [`Event`]s says in which order. Nothing here runs a model, grows a tree or knows a gold
//! answer.
//!
//! Read in this order: [`id`], [`token`], [`step`], [`path`], [`score`], [`ask`], [`service`],
//! [`policy`], [`form`], [`reader`], [`scorer`], [`budget`], [`ledger`], [`seed`], [`trace`].

pub mod answers;
pub mod ask;
pub mod budget;
pub mod chat_format;
pub mod clock;
pub mod cost;
pub mod error;
pub mod form;
pub mod id;
pub mod lease;
pub mod ledger;
pub mod path;
pub mod policy;
pub mod reader;
pub mod score;
pub mod scorer;
pub mod seed;
pub mod service;
pub mod step;
pub mod token;
pub mod tool;
#[cfg(feature = "toy")]
pub mod toy;
pub mod trace;
pub mod usage;
pub mod verifier;

pub use answers::{Answer, Answers};
pub use ask::{Ask, Draw, Judgement, Retain, Round, Until};
pub use budget::{Account, Axis, Budget, Reservation, Spend};
pub use chat_format::{ChatFormat, Role, Turn};
pub use clock::{Clock, Frozen};
pub use cost::{ModelCost, Price};
pub use error::{ModelError, ToolError};
pub use form::{Form, Forms, Merging, Proposed, Proposing, Query, Revising, Valuing, Voting};
pub use id::{FormId, NodeId, PolicyId, ScorerId, Ticket, ToolId};
pub use lease::{Lease, Leases};
pub use ledger::{Entry, Ledger};
pub use path::{Path, Prompt};
pub use policy::{Completion, Policy, Request, Sampling, Stops};
pub use reader::{Head, Read, Reader, Reading, Want};
pub use score::{Aggregate, NotFinite, Score};
pub use scorer::{Immediate, PathScorer, ScoreAsk, ScoreBound, Scored, Scorer};
pub use seed::Seed;
pub use service::{Service, collect};
pub use step::{Finish, Step};
pub use token::{TokenId, TokenStat, Tokens};
pub use tool::{
    Call, ImmediateTool, Observation, ObservationStatus, Observed, Profile, Shown, Tool,
};
pub use trace::{Event, Stop};
pub use usage::Usage;
pub use verifier::{Verdict, Verifier};
