//! The control socket: messages between a pool and a worker, one datagram each.

use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, recv, send, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};

/// What a sandbox says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// The launcher has entered a user namespace: its users can be mapped.
    Mapping,
    /// The worker has imported its libraries; their versions.
    Ready(std::collections::BTreeMap<String, String>),
    /// A run has ended.
    Ended(Ended),
    /// It cannot go on.
    Failed(String),
}

/// How a child ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ended {
    /// Its exit code, if it exited.
    pub(super) exit: Option<u8>,
    /// The signal that killed it, if one did.
    pub(super) signal: Option<i32>,
    /// What it was ended for, if the worker ended it.
    pub(super) cut: Option<Cut>,
    /// CPU time.
    pub(super) cpu_ns: u64,
    /// Time on the clock.
    pub(super) wall_ns: u64,
    /// Peak resident set.
    pub(super) memory_bytes: u64,
}

/// Why a worker ended a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cut {
    Cpu,
    Wall,
    Asked,
}

/// What a pool says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// Fork a child for the three descriptors that come along: output, error output, program.
    Prepare,
    /// Let it run.
    Run {
        /// Its CPU time.
        cpu_ns: u64,
        /// Its time on the clock.
        wall_ns: u64,
        /// Cores it can run on at once.
        cores: u64,
    },
    /// End it.
    Kill,
}

/// One end of the socket.
#[derive(Debug)]
pub(super) struct Control(OwnedFd);

impl Control {
    /// Both ends.
    pub(super) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        Ok((Self(ours), theirs))
    }

    /// For waiting.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.0)
    }

    /// Sends a message.
    pub(super) fn say(&self, message: &impl Serialize) -> io::Result<()> {
        say(self.fd(), message)
    }

    /// Sends a message with descriptors.
    pub(super) fn hand(&self, message: &impl Serialize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        let fds: Vec<i32> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        sendmsg::<()>(
            self.0.as_raw_fd(),
            &[IoSlice::new(&bytes)],
            &[ControlMessage::ScmRights(&fds)],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        Ok(())
    }

    /// The next message; `None` where the other end is closed.
    pub(super) fn hear(&self) -> io::Result<Option<Said>> {
        hear(self.fd())
            .map(|bytes| (!bytes.is_empty()).then_some(bytes))
            .and_then(|bytes| bytes.map(|bytes| Ok(serde_json::from_slice(&bytes)?)).transpose())
    }

    /// A message that is there already.
    pub(super) fn hear_now(&self) -> Option<Said> {
        let mut bytes = vec![0; 64 << 10];
        let length = recv(self.0.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT).ok()?;
        serde_json::from_slice(&bytes[..length]).ok()
    }
}

/// Sends a message on `fd`.
pub(super) fn say(fd: BorrowedFd<'_>, message: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    send(fd.as_raw_fd(), &bytes, MsgFlags::MSG_NOSIGNAL)?;
    Ok(())
}

/// The next message on `fd`; empty where the other end is closed.
pub(super) fn hear(fd: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 64 << 10];
    let length = loop {
        match recv(fd.as_raw_fd(), &mut bytes, MsgFlags::empty()) {
            Err(nix::Error::EINTR) => {}
            Err(nix::Error::ECONNRESET) => break 0,
            other => break other?,
        }
    };
    bytes.truncate(length);
    Ok(bytes)
}
