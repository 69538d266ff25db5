//! Control groups: bounds on a worker with all its children, where the machine lets us set them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::poll::poll;

/// Where version 1 has one hierarchy a controller, and the bound's file.
const V1: &[(&str, &str)] =
    &[("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup/pids", "pids.max")];

/// The one hierarchy of version 2.
const V2: &str = "/sys/fs/cgroup";

static MADE: AtomicU64 = AtomicU64::new(0);

/// Makes groups that hold a worker to `memory_bytes` and `processes`; returns their folders, or why
/// there are none. Whoever owns them removes them once they are empty.
pub(super) fn make(memory_bytes: u64, processes: u64) -> Result<Vec<PathBuf>, String> {
    let name = format!("espalier-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let mut made = Vec::new();
    let result = if Path::new(V2).join("cgroup.controllers").exists() {
        let own = own_group().ok_or("the process has no group of version 2")?;
        let group = Path::new(V2).join(own).join(&name);
        create(&group, &mut made).and_then(|()| {
            set(&group.join("memory.max"), memory_bytes)?;
            set(&group.join("pids.max"), processes)
        })
    } else {
        V1.iter().zip([memory_bytes, processes]).try_for_each(|((hierarchy, file), value)| {
            let group = Path::new(hierarchy).join(&name);
            create(&group, &mut made)?;
            set(&group.join(file), value)
        })
    };
    match result {
        Ok(()) => Ok(made),
        Err(why) => {
            remove(&made);
            Err(why)
        }
    }
}

/// Puts process `id` into `groups`.
pub(super) fn join(groups: &[PathBuf], id: u32) -> Result<(), String> {
    groups.iter().try_for_each(|group| set(&group.join("cgroup.procs"), u64::from(id)))
}

/// Removes empty groups; those that are gone are fine.
pub(super) fn remove(groups: &[PathBuf]) {
    for group in groups {
        // A process that has just been killed is still in it for a moment.
        let busy =
            |group| fs::remove_dir(group).is_err_and(|why| why.kind() == ErrorKind::ResourceBusy);
        for _ in 0..100 {
            if !busy(group) {
                break;
            }
            let _: Result<i32, nix::Error> = poll(&mut [], 10_u8);
        }
    }
}

fn create(group: &Path, made: &mut Vec<PathBuf>) -> Result<(), String> {
    fs::create_dir(group).map_err(|why| format!("could not make `{}`: {why}", group.display()))?;
    made.push(group.to_owned());
    Ok(())
}

fn set(file: &Path, value: u64) -> Result<(), String> {
    fs::write(file, value.to_string())
        .map_err(|why| format!("could not write `{}`: {why}", file.display()))
}

/// This process's group of version 2, without the leading slash.
fn own_group() -> Option<String> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(path.to_owned())
}
