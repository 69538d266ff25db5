//! Leases: KV lifetime is handle lifetime.

use std::sync::{Arc, Mutex, PoisonError};

/// Keeps the KV of one token prefix alive. Dropping it frees what no other lease needs.
///
/// The engine learns of the drop at its next call, before it does anything else. For an engine that
/// keeps no KV of its own (a remote one) a lease means nothing and costs nothing.
#[derive(Debug)]
pub struct Lease {
    id: u64,
    returned: Arc<Mutex<Vec<u64>>>,
}

impl Lease {
    /// The engine's own number for what is leased.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.returned.lock().unwrap_or_else(PoisonError::into_inner).push(self.id);
    }
}

/// An engine's side of its leases: it issues them and collects those that came back.
#[derive(Debug, Default)]
pub struct Leases {
    returned: Arc<Mutex<Vec<u64>>>,
}

impl Leases {
    /// A lease with this number.
    #[must_use]
    pub fn issue(&self, id: u64) -> Lease {
        Lease { id, returned: Arc::clone(&self.returned) }
    }

    /// The numbers of the leases dropped since the last call, in the order they were dropped.
    #[must_use]
    pub fn take_returned(&self) -> Vec<u64> {
        std::mem::take(&mut *self.returned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
