//! Attacks on the network, and on the sockets of this machine.

use crate::stand::{limits, on_each_tier};

#[test]
fn there_is_no_network() {
    on_each_tier(&limits(), |stand| {
        for (name, code, met) in [
            (
                "sockets of every family",
                "import socket\nfor family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK,\n\
                     socket.AF_PACKET, socket.AF_VSOCK, socket.AF_ALG):\n    \
                     attempt(socket.socket, family, socket.SOCK_RAW if family == socket.AF_PACKET else socket.SOCK_STREAM)",
                "EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM",
            ),
            (
                "UDP and a pair of sockets",
                "import socket\nattempt(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)\n\
                 attempt(socket.socketpair)",
                "EPERM, EPERM",
            ),
            (
                "connections",
                "import socket, urllib.request\n\
                 attempt(socket.create_connection, ('127.0.0.1', 80), 1)\n\
                 attempt(urllib.request.urlopen, 'http://127.0.0.1/', None, 1)",
                // urllib wraps the error, and loses its number.
                "EPERM, None",
            ),
            (
                "messages on any descriptor",
                "for number in (42, 44, 46, 47, 49, 50, 288): attempt(syscall, number, 0, 0, 0, 0, 0, 0)",
                "EPERM, EPERM, EPERM, EPERM, EPERM, EPERM, EPERM",
            ),
        ] {
            stand.attempts(name, code, met, met);
        }
        // The resolver reads files before it asks: it finds neither.
        stand.attempts(
            "names",
            "import socket\nattempt(socket.getaddrinfo, 'example.org', 80)",
            "-3",
            "-3",
        );
    });
}
