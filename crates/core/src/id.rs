//! Dense identifiers: positions in a list, never reused, never random.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($raw:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $raw);

        impl $name {
            /// Position in the list this id indexes.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id! {
    /// A node of one tree: its position in creation order. The root is 0.
    NodeId(u32)
}
id! {
    /// One of the policies a driver was given (ensembles have several).
    PolicyId(u16)
}
id! {
    /// One of the scorers a driver was given.
    ScorerId(u16)
}
id! {
    /// One of the tools a driver was given.
    ToolId(u16)
}
id! {
    /// A prompt form: how an ask becomes text. Form 0 continues the path as it stands.
    FormId(u16)
}
id! {
    /// One submitted request of one service, in submission order.
    Ticket(u64)
}

impl NodeId {
    /// The root of every tree.
    pub const ROOT: Self = Self(0);
}

impl FormId {
    /// The path as it stands, continued.
    pub const CONTINUE: Self = Self(0);
}
