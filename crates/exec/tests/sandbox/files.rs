//! Attacks on files: reading what is not the program's, writing anywhere but in its folder.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use espalier_exec::{Limits, Status, Tier};

use crate::stand::{limits, on_each_tier};

#[test]
fn nothing_of_the_machine_can_be_read() {
    on_each_tier(&limits(), |stand| {
        for (name, code, full, landlock) in [
            (
                "secrets",
                "for path in ('/etc/passwd', '/etc/shadow', '/root/.bashrc', '../../../etc/passwd'): attempt(open, path)",
                "ENOENT, ENOENT, ENOENT, ENOENT",
                "EACCES, EACCES, EACCES, EACCES",
            ),
            (
                "folders",
                "for path in ('/', '/etc', '/home', '/proc', '/sys', '/dev'): attempt(os.listdir, path)",
                // /etc holds the loader's cache and nothing else.
                "EACCES, EACCES, ENOENT, ENOENT, ENOENT, EACCES",
                "EACCES, EACCES, EACCES, EACCES, EACCES, EACCES",
            ),
            (
                "processes",
                "for path in ('/proc/self/environ', '/proc/1/environ', f'/proc/{os.getppid()}/mem', '/proc/self/maps'): attempt(open, path)",
                "ENOENT, ENOENT, ENOENT, ENOENT",
                "EACCES, EACCES, EACCES, EACCES",
            ),
            (
                "raw devices",
                "for path in ('/dev/mem', '/dev/kmsg', '/dev/vda', '/dev/tty'): attempt(open, path)",
                "ENOENT, ENOENT, ENOENT, ENOENT",
                "EACCES, EACCES, EACCES, EACCES",
            ),
        ] {
            // Files that this machine lacks are not found on either tier.
            let landlock: String = if name == "raw devices" || name == "secrets" {
                let paths: &[&str] = if name == "secrets" {
                    &["/etc/passwd", "/etc/shadow", "/root/.bashrc", "/etc/passwd"]
                } else {
                    &["/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/tty"]
                };
                let met = |path: &&str| {
                    if fs::exists(path).unwrap_or(true) { "EACCES" } else { "ENOENT" }
                };
                paths.iter().map(met).collect::<Vec<_>>().join(", ")
            } else {
                landlock.to_owned()
            };
            stand.attempts(name, code, full, &landlock);
        }
    });
}

#[test]
fn nothing_outside_can_be_changed() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let victim = dir.path().join("victim");
    fs::write(&victim, "as it was").unwrap();
    let before = fs::metadata(&victim).unwrap();
    on_each_tier(&limits(), |stand| {
        let code = format!(
            "victim, folder = {victim:?}, {folder:?}\n\
             attempt(open, victim)\nattempt(open, victim, 'w')\nattempt(open, victim, 'a')\n\
             attempt(os.truncate, victim, 0)\nattempt(os.unlink, victim)\n\
             attempt(os.rename, victim, victim + '2')\nattempt(os.mkdir, folder + '/new')\n\
             attempt(os.rmdir, folder)\nattempt(os.link, victim, folder + '/link')\n\
             attempt(os.symlink, victim, folder + '/link')\nattempt(os.mkfifo, folder + '/fifo')\n\
             attempt(os.mknod, folder + '/node')\nattempt(os.chmod, victim, 0o777)\n\
             attempt(os.utime, victim, (0, 0))\nattempt(os.chown, victim, 1, 1)\n\
             attempt(os.setxattr, victim, 'user.x', b'1')\n\
             refused(open, '/usr/lib/new', 'w')\n\
             refused(open, os.__file__, 'a')\nrefused(os.chmod, os.__file__, 0o777)\n\
             refused(os.utime, os.__file__, (0, 0))",
            folder = dir.path(),
        );
        stand.attempts(
            "files outside",
            &code,
            "ENOENT, ENOENT, ENOENT, ENOENT, ENOENT, ENOENT, ENOENT, ENOENT, ENOENT, ENOENT, EPERM, \
             EPERM, ENOENT, ENOENT, EPERM, EPERM, REFUSED, REFUSED, REFUSED, REFUSED",
            "EACCES, EACCES, EACCES, EPERM, EACCES, EACCES, EACCES, EACCES, EACCES, EACCES, EPERM, \
             EPERM, EPERM, EPERM, EPERM, EPERM, REFUSED, REFUSED, REFUSED, REFUSED",
        );
        let after = fs::metadata(&victim).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "as it was");
        assert_eq!(
            (before.mode(), before.mtime(), before.uid()),
            (after.mode(), after.mtime(), after.uid())
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "on {}", stand.tier);
    });
}

#[test]
fn links_lead_nowhere() {
    on_each_tier(&limits(), |stand| {
        if stand.tier == Tier::Full {
            stand.attempts(
                "links",
                "attempt(os.symlink, '/etc/passwd', 'a')\nattempt(open, 'a')\n\
                 attempt(os.link, os.__file__, 'b')\nattempt(os.symlink, '..', 'c')\n\
                 attempt(os.listdir, 'c')\nattempt(os.rename, 'a', '/a')",
                "POSSIBLE None, ENOENT, EXDEV, POSSIBLE None, EACCES, EXDEV",
                "",
            );
        } else {
            let met = "EACCES, EACCES, EACCES";
            let code = "attempt(os.symlink, '/etc/passwd', 'espalier-a')\n\
                        attempt(open, 'espalier-a', 'w')\nattempt(os.mkdir, 'espalier-d')";
            stand.attempts("links", code, met, met);
        }
    });
}

#[test]
fn the_folder_is_bounded_and_emptied() {
    // What is deep costs more with every folder: Landlock looks at all of them.
    let cpu = Duration::from_secs(10);
    let limits = Limits { scratch_bytes: 8 << 20, file_bytes: 4 << 20, cpu, ..limits() };
    on_each_tier(&limits, |stand| {
        if stand.tier != Tier::Full {
            // There is none: nothing can be written at all.
            stand.attempts(
                "a file",
                "attempt(open, 'espalier-a', 'w')\nimport tempfile\nattempt(tempfile.mkdtemp)",
                "",
                "EACCES, ENOENT",
            );
            return;
        }
        stand.attempts(
            "a large file",
            "def fill():\n    with open('big', 'wb') as file:\n        while True: file.write(bytes(1 << 20))\n\
             attempt(fill)\nprint(os.path.getsize('big'))",
            "EFBIG, 4194304",
            "",
        );
        stand.attempts(
            "many large files",
            "def fill():\n    for n in range(100):\n        with open(f'big{n}', 'wb') as file: file.write(bytes(1 << 20))\n\
             attempt(fill)",
            "ENOSPC",
            "",
        );
        stand.attempts(
            "many small files",
            "def fill():\n    for n in range(100_000): open(f'small{n}', 'w').close()\nattempt(fill)\nprint(len(os.listdir()) > 4000)",
            "ENOSPC, True",
            "",
        );
        stand.attempts(
            "deep folders",
            "def dig():\n    for n in range(100_000):\n        os.mkdir('deeper')\n        os.chdir('deeper')\nattempt(dig)",
            "ENOSPC",
            "",
        );
        stand.attempts(
            "locked folders and odd names",
            "os.makedirs('a/b/c')\nopen('a/b/c/file', 'w').close()\nos.mkdir('wipe-0')\nopen('wipe-0/x', 'w').close()\n\
             open(b'\\xff\\n', 'w').close()\nos.mkfifo\nfor path in ('a/b/c', 'a/b', 'a', '.'): os.chmod(path, 0)\nprint(1)",
            "1",
            "",
        );
        stand.attempts("the folder removed", "attempt(os.rmdir, '/tmp')", "EROFS", "");
        let code =
            "import tempfile\nwith tempfile.TemporaryFile() as file: file.write(b'1'); print(1)";
        stand.attack("a temporary file", code, |outcome| {
            assert_eq!((outcome.status, &*outcome.stdout.text()), (Status::Ok, "1\n"));
        });
    });
}

#[test]
fn the_environment_tells_nothing() {
    on_each_tier(&limits(), |stand| {
        let code =
            "import os, socket\nprint(sorted(os.environ.values()))\nprint(os.uname().nodename)";
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        stand.attack("the environment", code, |outcome| {
            let text = outcome.stdout.text();
            assert!(
                text.starts_with(
                    "['/tmp', '/usr/bin:/bin', '0', '1', '1', '1', 'C.UTF-8', 'UTC']\n"
                ),
                "{text}"
            );
        });
        if stand.tier == Tier::Full {
            let outcome = stand.run(code);
            assert!(outcome.stdout.text().ends_with("\nsandbox\n"));
            assert_ne!(host.trim(), "sandbox");
        }
    });
}
