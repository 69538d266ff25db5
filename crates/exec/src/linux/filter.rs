//! Filters: the system calls that a worker and a child may make.
//!
//! The worker's filter names what nothing in a sandbox has any business with, and holds for the children
//! too. A child's filter names what a calculation needs; everything else fails with "Operation not
//! permitted", which a program sees as an ordinary error. Calls of another architecture kill.

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::{Fault, Tier};

/// Stands in a child's filter where its process id goes, which is not known before it is forked.
pub(super) const OWN_PID: u32 = 0x0e59_a11e;

type Rules = Vec<(i64, Vec<SeccompRule>)>;

/// The filters of a worker, in the order in which they are installed.
pub(super) fn worker() -> Result<Vec<BpfProgram>, Fault> {
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let denied = WORKER_DENIED.iter().map(|&call| (call, Vec::new())).collect();
    // glibc tries `clone3`, whose flags a filter cannot see, and falls back to `clone`.
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    Ok(vec![
        compile(denied, SeccompAction::Allow, refused)?,
        compile(vec![(libc::SYS_clone3, Vec::new())], SeccompAction::Allow, unknown)?,
    ])
}

/// The filter of a child.
pub(super) fn child(tier: Tier) -> Result<BpfProgram, Fault> {
    let mut rules: Rules = CHILD_ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
    if tier == Tier::Full {
        // Landlock does not mediate these; where the program sees the machine's own files, it may not
        // have them.
        rules.extend(CHILD_ALLOWED_ON_OWN_ROOT.iter().map(|&call| (call, Vec::new())));
    }
    let thread = libc::CLONE_THREAD as u64;
    rules.push((libc::SYS_clone, vec![rule(0, SeccompCmpOp::MaskedEq(thread), thread)?]));
    for call in [libc::SYS_kill, libc::SYS_tgkill] {
        rules.push((call, vec![equal(0, u64::from(OWN_PID))?]));
    }
    // Its own limits only, and those only downwards: the hard ones are set.
    rules.push((libc::SYS_prlimit64, vec![equal(0, 0)?]));
    let names = [libc::PR_SET_NAME as u64, libc::PR_GET_NAME as u64];
    rules.push((
        libc::SYS_prctl,
        names.map(|name| equal(0, name)).into_iter().collect::<Result<_, _>>()?,
    ));
    let terminal = [libc::TCGETS, libc::TIOCGWINSZ, libc::FIONREAD, libc::FIOCLEX, libc::FIONCLEX];
    rules.push((
        libc::SYS_ioctl,
        terminal.map(|request| equal(1, request)).into_iter().collect::<Result<_, _>>()?,
    ));
    let descriptor = [
        libc::F_DUPFD,
        libc::F_DUPFD_CLOEXEC,
        libc::F_GETFD,
        libc::F_SETFD,
        libc::F_GETFL,
        libc::F_SETFL,
        libc::F_SETLK,
        libc::F_SETLKW,
        libc::F_GETLK,
    ];
    rules.push((
        libc::SYS_fcntl,
        descriptor.map(|command| equal(1, command as u64)).into_iter().collect::<Result<_, _>>()?,
    ));
    compile(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
}

/// `program` as the bytes the kernel reads.
pub(super) fn bytes(program: &BpfProgram) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(program.len() * 8);
    for instruction in program {
        bytes.extend(instruction.code.to_ne_bytes());
        bytes.extend([instruction.jt, instruction.jf]);
        bytes.extend(instruction.k.to_ne_bytes());
    }
    bytes
}

fn compile(
    rules: Rules,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, Fault> {
    let bad = |error: seccompiler::BackendError| Fault::new(format!("no seccomp filter: {error}"));
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(bad)?;
    let filter =
        SeccompFilter::new(rules.into_iter().collect(), otherwise, matched, arch).map_err(bad)?;
    filter.try_into().map_err(bad)
}

fn equal(argument: u8, value: u64) -> Result<SeccompRule, Fault> {
    rule(argument, SeccompCmpOp::Eq, value)
}

fn rule(argument: u8, operation: SeccompCmpOp, value: u64) -> Result<SeccompRule, Fault> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operation, value)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(|error| Fault::new(format!("no seccomp rule: {error}")))
}

/// What no process of a sandbox needs.
const WORKER_DENIED: &[i64] = &[
    // Other machines, other processes' sockets. The worker's own is there already.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // The kernel.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_personality,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    // File systems and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_mknodat,
    // Keys.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
];

/// What a calculation needs, on every architecture.
const CHILD_ALLOWED: &[i64] = &[
    // Files, as far as Landlock lets them be opened.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_chdir,
    libc::SYS_fchdir,
    libc::SYS_umask,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fadvise64,
    libc::SYS_sendfile,
    libc::SYS_copy_file_range,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_msync,
    libc::SYS_membarrier,
    // Threads, all of the one process.
    libc::SYS_clone3,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_getcpu,
    // Signals to itself.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_setitimer,
    libc::SYS_getitimer,
    // Waiting and the time.
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_wait4,
    libc::SYS_waitid,
    // Who and where it is.
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getgroups,
    libc::SYS_getpriority,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_getrandom,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_renameat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_dup2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pipe,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_create,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_arch_prctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_alarm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pause,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_getpgrp,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_getrlimit,
];

/// What also changes files that cannot be opened, and so needs a root of the sandbox's own.
const CHILD_ALLOWED_ON_OWN_ROOT: &[i64] = &[
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_utimensat,
    libc::SYS_truncate,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_filter_names_its_process_where_it_is_needed() {
        for tier in [Tier::Full, Tier::Landlock] {
            let bytes = bytes(&child(tier).unwrap());
            let operands = bytes.chunks(8).filter(|chunk| chunk[4..] == OWN_PID.to_ne_bytes());
            assert_eq!(operands.count(), 2, "kill and tgkill");
            assert!(bytes.len() / 8 < 4096, "the kernel takes 4096 instructions");
        }
    }

    #[test]
    fn no_call_is_both_needed_and_denied() {
        let child = || CHILD_ALLOWED.iter().chain(CHILD_ALLOWED_ON_OWN_ROOT);
        for call in WORKER_DENIED {
            assert!(!child().any(|allowed| allowed == call), "{call}");
        }
    }
}
