//! Default directories: where a run goes that names none.

use std::path::PathBuf;

/// `runs/NAME-SECONDS`, and a number where that is taken.
pub(super) fn default_dir(name: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a run's default name is its time")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs());
    let first = PathBuf::from(format!("runs/{name}-{seconds}"));
    let others = (2..).map(|n| PathBuf::from(format!("runs/{name}-{seconds}-{n}")));
    std::iter::once(first).chain(others).find(|dir| !dir.exists()).unwrap_or_default()
}
