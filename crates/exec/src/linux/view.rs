//! A view: the part of the machine's files that a sandbox shows, all of it read-only.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Interpreter;

/// Where the system keeps what every program loads. Missing ones are left out.
const SYSTEM: &[&str] = &[
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib32",
    "/usr/local/lib",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/usr/share/zoneinfo",
    "/nix/store",
];

/// Devices without state.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"];

/// Programs that start other programs: the kernel runs them on the interpreter's behalf.
const LOADERS: &[&str] = &[
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux-riscv64-lp64d.so.1",
];

/// Folders whose own content is more than an interpreter's.
const SHARED: &[&str] = &[
    "/",
    "/usr",
    "/usr/local",
    "/home",
    "/root",
    "/opt",
    "/tmp",
    "/var",
    "/etc",
    "/dev",
    "/proc",
    "/sys",
];

/// Files and folders that are shown at their own paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct View {
    /// Folders and files, none inside another.
    pub(super) shown: BTreeSet<PathBuf>,
    /// Symbolic links: where, and what they say.
    pub(super) links: Vec<(PathBuf, PathBuf)>,
    /// What may be executed, by whoever may execute at all.
    pub(super) programs: Vec<PathBuf>,
    /// Devices.
    pub(super) devices: Vec<PathBuf>,
}

impl View {
    /// What `interpreter` needs to run.
    pub(super) fn of(interpreter: &Interpreter) -> Self {
        let mut view = Self::default();
        let mut wanted: BTreeSet<PathBuf> = BTreeSet::new();
        for folder in &interpreter.folders {
            if SHARED.iter().any(|shared| folder == Path::new(shared)) {
                wanted.extend([folder.join("lib"), folder.join("lib64")]);
            } else {
                wanted.insert(folder.clone());
            }
        }
        wanted.extend(SYSTEM.iter().map(PathBuf::from));
        // The executable, link by link.
        let mut at = interpreter.executable.clone();
        while let Ok(target) = fs::read_link(&at) {
            let next = at.parent().unwrap_or(Path::new("/")).join(&target);
            view.links.push((at, target));
            at = next;
        }
        view.programs.push(at.clone());
        wanted.insert(at);
        for path in wanted {
            match fs::read_link(&path) {
                Ok(target) => view.links.push((path, target)),
                Err(_) if path.exists() => {
                    view.shown.insert(path);
                }
                Err(_) => {}
            }
        }
        let all = view.shown.clone();
        let inside = |path: &Path| path.ancestors().skip(1).any(|folder| all.contains(folder));
        view.shown.retain(|path| !inside(path));
        view.links.retain(|(path, _)| !inside(path));
        view.programs.extend(LOADERS.iter().filter_map(|loader| fs::canonicalize(loader).ok()));
        view.devices = DEVICES.iter().map(PathBuf::from).filter(|path| path.exists()).collect();
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shown_twice_and_nothing_shared_is_shown_whole() {
        let folders = ["/usr", "/usr/lib", "/usr/lib/python3", "/tmp"].map(PathBuf::from);
        let interpreter =
            Interpreter { executable: "/bin/sh".into(), folders: folders.into_iter().collect() };
        let view = View::of(&interpreter);
        assert!(view.shown.contains(Path::new("/usr/lib")));
        assert!(!view.shown.contains(Path::new("/tmp")));
        assert!(!view.shown.contains(Path::new("/usr")));
        assert!(!view.shown.contains(Path::new("/usr/lib/python3")));
        let program = fs::canonicalize("/bin/sh").unwrap();
        assert!(view.programs.iter().any(|path| fs::canonicalize(path).unwrap() == program));
    }
}
