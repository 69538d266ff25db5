//! Attacks on processes: making them, reaching them, becoming another.

use espalier_exec::Status;

use crate::stand::{limits, on_each_tier};

#[test]
fn no_process_can_be_made() {
    on_each_tier(&limits(), |stand| {
        for (name, code, met) in [
            ("a fork bomb", "for _ in range(3): attempt(os.fork)", "EPERM, EPERM, EPERM"),
            (
                "subprocess",
                "import subprocess\nattempt(subprocess.run, ['/bin/true'])\nprint(os.system('true') == 0)",
                "EPERM, False",
            ),
            (
                "multiprocessing",
                "import multiprocessing\nattempt(multiprocessing.Process(target=print).start)",
                "EPERM",
            ),
            ("posix_spawn", "attempt(os.posix_spawn, '/bin/true', ['true'], {})", "EPERM"),
            (
                "raw system calls",
                "for number in (56, 57, 58, 435): attempt(syscall, number, 0, 0, 0, 0, 0)",
                "EPERM, EPERM, EPERM, ENOSYS",
            ),
            (
                "execution",
                "attempt(os.execv, '/bin/true', ['true'])\n\
                 attempt(os.execv, os.path.realpath(os.sys.executable), ['python'])\n\
                 attempt(os.memfd_create, 'code')\nattempt(syscall, 322, 0, 0, 0, 0, 0)",
                "EPERM, EPERM, EPERM, EPERM",
            ),
        ] {
            stand.attempts(name, code, met, met);
        }
    });
}

#[test]
#[cfg(target_arch = "x86_64")]
fn machine_code_makes_no_process_either() {
    let run = |bytes: &str| {
        format!(
            "import ctypes, mmap\ncode = bytes.fromhex('{bytes}')\n\
             page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n\
             page.write(code)\n\
             call = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))\n\
             print(call())"
        )
    };
    on_each_tier(&limits(), |stand| {
        // mov eax, 57; syscall; ret: fork.
        stand.attack("fork by machine code", &run("b8390000000f05c3"), |outcome| {
            assert_eq!(outcome.stdout.text(), "-1\n");
        });
        // mov eax, 0x40000039; syscall; ret: fork of the x32 ABI.
        stand.attack("x32 fork", &run("b8390000400f05c3"), |outcome| {
            assert_eq!(outcome.stdout.text(), "-1\n");
        });
        // mov eax, 2; int 0x80; ret: fork of the i386 ABI.
        stand.attack("i386 fork", &run("b802000000cd80c3"), |outcome| {
            assert_eq!(outcome.status, Status::Signal(31), "SIGSYS");
        });
    });
}

#[test]
fn no_other_process_can_be_reached() {
    on_each_tier(&limits(), |stand| {
        for (name, code, met) in [
            (
                "signals",
                "for pid in (os.getppid(), -1, 1, 0, -os.getpid()): attempt(os.kill, pid, 9)\n\
                 attempt(os.killpg, 0, 9)\nattempt(syscall, 129, os.getppid(), 9, 0)\n\
                 attempt(syscall, 297, os.getppid(), os.getppid(), 9, 0)\n\
                 attempt(os.pidfd_open, os.getppid())\nattempt(syscall, 424, 3, 9, 0, 0)",
                "EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM",
            ),
            (
                "ptrace",
                "attempt(syscall, 101, 16, os.getppid(), 0, 0)\n\
                 attempt(syscall, 310, os.getppid(), 0, 0, 0, 0, 0)\n\
                 attempt(syscall, 311, os.getppid(), 0, 0, 0, 0, 0)",
                "EPERM, EPERM, EPERM",
            ),
            (
                "limits of others",
                "import resource\n\
                 attempt(resource.prlimit, os.getppid(), resource.RLIMIT_CPU, (1, 1))\n\
                 attempt(resource.setrlimit, resource.RLIMIT_AS, (1 << 40, 1 << 40))",
                "EPERM, ValueError",
            ),
            (
                "another user",
                "attempt(os.setuid, 0)\nattempt(os.setresuid, 0, 0, 0)\nattempt(os.setgroups, [0])\n\
                 attempt(os.setsid)\nattempt(os.nice, -5)",
                "EPERM, EPERM, EPERM, EPERM, EPERM",
            ),
            (
                "namespaces and mounts",
                "attempt(syscall, 272, 0x10000000)\nattempt(syscall, 308, 3, 0)\n\
                 attempt(syscall, 165, 0, 0, 0, 0, 0)\nattempt(syscall, 166, 0, 0)\n\
                 attempt(os.chroot, '/')\nattempt(syscall, 155, 0, 0)\n\
                 attempt(syscall, 429, 0, 0, 0, 0, 0)",
                "EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM",
            ),
            (
                "the tie to the worker",
                // PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_PTRACER.
                "for option in (1, 4, 22, 0x59616d61): attempt(syscall, 157, option, 0, 0, 0, 0)",
                "EPERM, EPERM, EPERM, EPERM",
            ),
            (
                // F_SETOWN and F_SETSIG send signals, F_SETPIPE_SZ takes the kernel's memory; TIOCSTI types.
                "descriptors as levers",
                "import fcntl\nfor command in (8, 10, 1031): attempt(fcntl.fcntl, 1, command, os.getppid())\n\
                 attempt(fcntl.ioctl, 0, 0x5412, b'x')\nattempt(fcntl.flock, 1, fcntl.LOCK_EX)",
                "EPERM, EPERM, EPERM, EPERM, EPERM",
            ),
            (
                // shmget, msgget, semget, mq_open, inotify_init1, timer_create, memfd_secret.
                "what would outlive a run",
                "for number in (29, 68, 64, 240, 294, 222, 447): attempt(syscall, number, 0, 0, 0, 0)",
                "EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM",
            ),
            (
                "the kernel",
                // bpf, perf_event_open, userfaultfd, io_uring_setup, keyctl, add_key, personality.
                "for number in (321, 298, 323, 425, 250, 248, 135): attempt(syscall, number, 0, 0, 0, 0)",
                "EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM",
            ),
        ] {
            stand.attempts(name, code, met, met);
        }
    });
}

#[test]
fn threads_work_and_are_bounded() {
    on_each_tier(&limits(), |stand| {
        let code = "from concurrent.futures import ThreadPoolExecutor\n\
                    print(sum(ThreadPoolExecutor(8).map(lambda x: x * x, range(100))))";
        stand.attack("a thread pool", code, |outcome| {
            assert_eq!(outcome.stdout.text(), "328350\n", "{}", outcome.stderr.text());
        });
        let code = "import threading\nevent, n = threading.Event(), 0\ntry:\n    for n in range(20000):\n        \
                    threading.Thread(target=event.wait, daemon=True).start()\n\
                    except (RuntimeError, MemoryError) as error:\n    print(n < 200, flush=True)";
        stand.attack("20,000 threads", code, |outcome| {
            assert_eq!(outcome.stdout.text(), "True\n", "{}", outcome.stderr.text());
        });
        let code = "import threading, time\n\
                    threading.Thread(target=time.sleep, args=(100,), daemon=True).start()\nprint(1)";
        stand.attack("a daemon thread left behind", code, |outcome| {
            assert_eq!((outcome.status, &*outcome.stdout.text()), (Status::Ok, "1\n"));
        });
    });
}
