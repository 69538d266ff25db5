//! A root of the sandbox's own: a small file system in memory, onto which a view is laid.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{chdir, pivot_root};

use super::plan::{INNER_ID, Plan, SCRATCH};

/// Makes the view of `plan` the root of this mount namespace.
///
/// # Errors
///
/// What was being done, and why it failed.
pub(super) fn enter(plan: &Plan) -> Result<(), String> {
    let at = |what: &str, path: &Path| format!("{what} `{}`", path.display());
    let none = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    step("make all mounts private", mount(none, "/", none, private, none))?;
    // First to a stage, under which the old root lies at /old and the new one at /new.
    let base = Path::new("/tmp");
    memory(base, "size=1m,mode=0755")?;
    for name in ["old", "new"] {
        step_io(&at("make", &base.join(name)), fs::create_dir(base.join(name)))?;
    }
    memory(&base.join("new"), "size=1m,mode=0755")?;
    step("pivot to the stage", pivot_root(base, &base.join("old")))?;
    step("enter the stage", chdir("/"))?;
    let (old, new) = (Path::new("/old"), Path::new("/new"));
    let inside = |root: &Path, path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    // The scratch folder comes first: what is shown may lie in it.
    let scratch = inside(new, Path::new(SCRATCH));
    step_io(&at("make", &scratch), fs::create_dir_all(&scratch))?;
    let options = format!(
        "size={},nr_inodes=4096,mode=0700,uid={INNER_ID},gid={INNER_ID}",
        plan.scratch_bytes
    );
    memory(&scratch, &options)?;
    for path in plan.view.shown.iter().chain(&plan.view.devices) {
        show(&inside(old, path), &inside(new, path))
            .map_err(|why| format!("{}: {why}", at("show", path)))?;
    }
    for (path, target) in &plan.view.links {
        let link = inside(new, path);
        let made = link
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| if link.is_symlink() { Ok(()) } else { symlink(target, &link) });
        step_io(&at("link", path), made)?;
    }
    step("enter the new root", chdir(new))?;
    step("pivot to the new root", pivot_root(".", "."))?;
    step("leave the old root", umount2(".", MntFlags::MNT_DETACH))?;
    step("enter the root", chdir("/"))?;
    let read_only = MsFlags::MS_REMOUNT
        | MsFlags::MS_BIND
        | MsFlags::MS_RDONLY
        | MsFlags::MS_NOSUID
        | MsFlags::MS_NODEV;
    step("make the root read-only", mount(none, "/", none, read_only, none))?;
    step("enter the scratch folder", chdir(SCRATCH))
}

/// Mounts a file system in memory.
fn memory(path: &Path, options: &str) -> Result<(), String> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let mounted = mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(options));
    step(&format!("mount a file system in memory on `{}`", path.display()), mounted)
}

/// Shows `source` at `target`, read-only.
fn show(source: &Path, target: &Path) -> Result<(), String> {
    let is_dir = fs::metadata(source).map_err(|why| why.to_string())?.is_dir();
    let folder = if is_dir { Some(target) } else { target.parent() };
    folder.map_or(Ok(()), fs::create_dir_all).map_err(|why| why.to_string())?;
    if !is_dir {
        fs::write(target, "").map_err(|why| why.to_string())?;
    }
    let none = None::<&str>;
    let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
    step("bind", mount(Some(source), target, none, bind, none))?;
    // A namespace may not take back restrictions of the mount it copied, so they are said again.
    let mut flags =
        MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID;
    let has = statvfs(target).map_err(|why| why.to_string())?.flags();
    for (have, flag) in [
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ] {
        if has.contains(have) {
            flags |= flag;
        }
    }
    step("make read-only", mount(none, target, none, flags, none))
}

fn step(what: &str, result: Result<(), Errno>) -> Result<(), String> {
    result.map_err(|why| format!("could not {what}: {}", why.desc()))
}

fn step_io(what: &str, result: io::Result<()>) -> Result<(), String> {
    result.map_err(|why| format!("could not {what}: {why}"))
}
