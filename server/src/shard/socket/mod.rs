//! The shard's UDP socket: non-blocking, and in batches both ways.
//!
//! ```text
//!  kernel ── recvmmsg + UDP_GRO ──► Inbox ──► (path, run of equal datagrams)
//!  kernel ◄─ sendmmsg + UDP_SEGMENT ── Outbox ◄── packets, grouped by destination
//! ```
//!
//! One system call a packet is what a forwarding node spends most of its time on, so a run of
//! packets of one size to one destination goes out as one message that the kernel cuts
//! (`UDP_SEGMENT`), and all runs of a loop turn go out in one `sendmmsg`. [`Batching`] can switch
//! both off: tests hold the three ways against one another.

mod inbox;
mod linux;
mod outbox;

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::{AsFd, BorrowedFd},
};

pub use inbox::{Inbox, Received};
pub use outbox::{MAX_DATAGRAM, Outbox, RunLengths};

use super::transport::Path;
use outbox::Run;

/// How datagrams cross into the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Batching {
    /// Many messages a call, each of which may be a run that the kernel cuts. Falls back to
    /// [`Self::Messages`] by itself where the kernel or the device cannot.
    #[default]
    Segments,
    /// Many messages a call, one packet each.
    Messages,
    /// One packet a call, by the standard library alone. The reference that the other two are held
    /// against. It cannot learn which local address a datagram came to: bind it to one address.
    Single,
}

/// What a socket is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketConfig {
    /// Where to bind. Port 0 takes a free one. An unspecified IPv6 address takes IPv4 as well.
    pub bind: SocketAddr,
    /// Kernel receive buffer in bytes, as far as the system allows (`net.core.rmem_max`).
    pub receive_buffer: usize,
    /// Kernel send buffer in bytes, as far as the system allows (`net.core.wmem_max`).
    pub send_buffer: usize,
    /// How datagrams cross into the kernel.
    pub batching: Batching,
}

/// A bound, non-blocking UDP socket.
#[derive(Debug)]
pub struct Socket {
    socket: UdpSocket,
    local: SocketAddr,
    batching: Batching,
    /// Whether the kernel still takes runs.
    segmentation: bool,
}

/// What became of an [`Outbox`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets that the kernel took.
    pub packets: u64,
    /// Messages that they went out in.
    pub messages: u64,
    /// Packets dropped because the kernel's send buffer was full.
    pub dropped_full: u64,
    /// Packets that the kernel refused for their destination: no route, too long, forbidden.
    pub refused: u64,
    /// Runs that had to be sent packet by packet because the kernel would not cut them.
    pub unsegmented: u64,
}

impl Sent {
    /// Adds what became of another outbox.
    pub fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.messages += other.messages;
        self.dropped_full += other.dropped_full;
        self.refused += other.refused;
        self.unsegmented += other.unsegmented;
    }
}

impl Socket {
    /// Binds.
    ///
    /// # Errors
    /// The address is taken or not ours, or the system refuses what a batching socket needs.
    pub fn bind(config: &SocketConfig) -> io::Result<Self> {
        let domain = socket2::Domain::for_address(config.bind);
        let socket =
            socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
        if config.bind.is_ipv6() {
            socket.set_only_v6(config.bind.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
        }
        socket.set_nonblocking(true)?;
        socket.set_recv_buffer_size(config.receive_buffer)?;
        socket.set_send_buffer_size(config.send_buffer)?;
        socket.bind(&config.bind.into())?;
        let socket: UdpSocket = socket.into();
        let local = socket.local_addr()?;
        let mut segmentation = false;
        if config.batching != Batching::Single {
            // One address bound: every datagram came to it, no need to ask.
            if local.ip().is_unspecified() {
                linux::receive_packet_info(socket.as_fd(), local.is_ipv6())?;
            }
            if config.batching == Batching::Segments {
                // Both are older than any kernel that we meet, and neither is needed to work.
                segmentation = linux::can_segment(socket.as_fd());
                if let Err(error) = linux::receive_runs(socket.as_fd()) {
                    tracing::info!(%error, "the kernel does not join received datagrams");
                }
            }
        }
        Ok(Self { socket, local, batching: config.batching, segmentation })
    }

    /// The address that it is bound to, with the port that was chosen.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether runs are sent as one message now.
    pub fn segments(&self) -> bool {
        self.segmentation
    }

    /// The receive and send buffer that the system granted, in bytes.
    ///
    /// # Errors
    /// The system does not say.
    pub fn buffers(&self) -> io::Result<(usize, usize)> {
        let socket = socket2::SockRef::from(&self.socket);
        Ok((socket.recv_buffer_size()?, socket.send_buffer_size()?))
    }

    /// Takes what has arrived, up to what `inbox` holds, and gives the number of messages: zero
    /// when nothing waits.
    ///
    /// # Errors
    /// What the system says, other than that nothing waits.
    pub fn receive(&mut self, inbox: &mut Inbox) -> io::Result<usize> {
        let received = match self.batching {
            Batching::Single => inbox.receive_single(&self.socket, self.local),
            Batching::Messages | Batching::Segments => {
                inbox.receive_batch(self.socket.as_fd(), self.local)
            }
        };
        match received {
            Err(error) if would_block(&error) => Ok(0),
            other => other,
        }
    }

    /// Sends everything in `outbox` and empties it.
    ///
    /// A full kernel buffer drops the rest: media that waits for it would be late, the queue in the
    /// kernel is the only one that we want, and what must arrive (STUN, DTLS, SCTP) is repeated by
    /// its own protocol.
    pub fn send(&mut self, outbox: &mut Outbox) -> Sent {
        let mut sent = Sent::default();
        if self.batching == Batching::Single {
            self.send_single(outbox, &mut sent);
        } else {
            self.send_batch(outbox, &mut sent);
        }
        outbox.clear(self.segmentation);
        sent
    }

    fn send_batch(&mut self, outbox: &mut Outbox, sent: &mut Sent) {
        let source = self.local.ip().is_unspecified();
        let mapped = self.local.is_ipv6();
        let (arena, runs, messages) = outbox.parts();
        let mut next = 0;
        while next < runs.len() {
            let fd = self.socket.as_fd();
            match messages.send(fd, arena, &runs[next..], source, mapped) {
                Ok(taken) => {
                    for run in &runs[next..next + taken] {
                        sent.packets += u64::from(run.packets);
                        sent.messages += 1;
                    }
                    next += taken;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if would_block(&error) => {
                    sent.dropped_full +=
                        runs[next..].iter().map(|run| u64::from(run.packets)).sum::<u64>();
                    return;
                }
                Err(error) if runs[next].packets > 1 && linux::refuses_runs(&error) => {
                    // A device without checksum offload says so once and for all; a path whose MTU
                    // is too small says so for itself.
                    if linux::never_takes_runs(&error) && self.segmentation {
                        tracing::warn!(%error, "the kernel does not cut runs; sending one by one");
                        self.segmentation = false;
                    }
                    sent.unsegmented += 1;
                    send_each(&self.socket, arena, &runs[next], self.local, sent);
                    next += 1;
                }
                Err(error) => {
                    tracing::trace!(%error, "datagram refused");
                    sent.refused += u64::from(runs[next].packets);
                    next += 1;
                }
            }
        }
    }

    fn send_single(&self, outbox: &mut Outbox, sent: &mut Sent) {
        let (arena, runs, _) = outbox.parts();
        for run in runs {
            send_each(&self.socket, arena, run, self.local, sent);
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Sends the packets of a run one by one.
fn send_each(socket: &UdpSocket, arena: &[u8], run: &Run, local: SocketAddr, sent: &mut Sent) {
    let remote = if local.is_ipv6() { mapped(run.path.remote) } else { run.path.remote };
    for packet in arena[run.start..run.start + run.len].chunks(run.segment) {
        match socket.send_to(packet, remote) {
            Ok(_) => {
                sent.packets += 1;
                sent.messages += 1;
            }
            Err(error) if would_block(&error) => sent.dropped_full += 1,
            Err(_) => sent.refused += 1,
        }
    }
}

fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// The form in which a socket for both families wants an address.
fn mapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        SocketAddr::V6(_) => address,
    }
}

/// The form in which the rest of the node knows an address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Where a datagram went.
fn path(local: SocketAddr, to: Option<IpAddr>, remote: SocketAddr) -> Path {
    let ip = to.unwrap_or(local.ip());
    Path { local: canonical(SocketAddr::new(ip, local.port())), remote: canonical(remote) }
}

#[cfg(test)]
mod tests;
