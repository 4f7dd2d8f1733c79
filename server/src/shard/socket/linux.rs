#![allow(unsafe_code, reason = "recvmmsg, sendmmsg and their control messages have no safe door")]
//! The batching system calls.
//!
//! The kernel wants arrays of structures full of pointers. They are filled anew for every call from
//! slices that outlive it, and nothing reads them afterwards but the code below, which takes only
//! what the kernel says it wrote. [`super::Batching::Single`] is the safe reference; the tests beside
//! this file hold both against each other.

use std::{
    io, mem,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::{AsRawFd, BorrowedFd},
    ptr,
};

use super::{
    inbox::{Envelope, MESSAGE_BYTES},
    mapped,
    outbox::Run,
    path,
};

/// Room for the control messages that we ask for: run length (4 bytes) and packet info (12 or 20),
/// each with its header of 16. Words, because the headers must be aligned.
type Control = [u64; 16];

/// A socket address of either family, as the kernel lays it out.
type Address = libc::sockaddr_in6;

/// Asks which local address datagrams came to (ip(7), ipv6(7)).
pub(super) fn receive_packet_info(fd: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    if v6 {
        set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
    } else {
        set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)
    }
}

/// Asks for received datagrams of one flow to be joined (`UDP_GRO`, Linux 5.0).
pub(super) fn receive_runs(fd: BorrowedFd<'_>) -> io::Result<()> {
    set_option(fd, libc::SOL_UDP, libc::UDP_GRO, 1)
}

/// Whether the kernel knows how to cut runs (`UDP_SEGMENT`, Linux 4.18).
pub(super) fn can_segment(fd: BorrowedFd<'_>) -> bool {
    set_option(fd, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok()
}

/// Whether the kernel says by this that it will not cut this run: `EIO` for a device or a route that
/// cannot, `EINVAL` for packets longer than the path takes.
pub(super) fn refuses_runs(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL))
}

/// Whether it will cut no other run either.
pub(super) fn never_takes_runs(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EIO)
}

fn set_option(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the pointer and the length describe one live `c_int`, which is what each of the
    // options above takes; the descriptor is borrowed and thus open.
    let status = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            ptr::from_ref(&value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The arrays that `recvmmsg` fills and `sendmmsg` reads: one header a message, which points into the
/// others.
pub(super) struct Messages {
    headers: Vec<libc::mmsghdr>,
    buffers: Vec<libc::iovec>,
    names: Vec<Address>,
    controls: Vec<Control>,
}

impl Messages {
    /// Room for `count` messages.
    pub(super) fn new(count: usize) -> Self {
        Self {
            headers: vec![empty_header(); count],
            buffers: vec![libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; count],
            names: vec![empty_address(); count],
            controls: vec![[0; 16]; count],
        }
    }

    /// Takes what waits, a message for each [`MESSAGE_BYTES`] of `bytes`, and describes it in
    /// `received`.
    pub(super) fn receive(
        &mut self,
        fd: BorrowedFd<'_>,
        bytes: &mut [u8],
        local: SocketAddr,
        received: &mut Vec<Envelope>,
    ) -> io::Result<()> {
        let mut count = 0;
        for (index, chunk) in bytes.chunks_exact_mut(MESSAGE_BYTES).enumerate() {
            let Some(header) = self.headers.get_mut(index) else { break };
            self.buffers[index] =
                libc::iovec { iov_base: chunk.as_mut_ptr().cast(), iov_len: chunk.len() };
            header.msg_len = 0;
            header.msg_hdr.msg_name = ptr::from_mut(&mut self.names[index]).cast();
            header.msg_hdr.msg_namelen = size_of::<Address>() as libc::socklen_t;
            header.msg_hdr.msg_iov = ptr::from_mut(&mut self.buffers[index]);
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = self.controls[index].as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = size_of::<Control>() as _;
            header.msg_hdr.msg_flags = 0;
            count += 1;
        }
        // SAFETY: the first `count` headers were just filled with pointers into `bytes`, `buffers`,
        // `names` and `controls`, each with its true length; all of them are borrowed for longer
        // than the call, and none overlaps another.
        let taken = unsafe {
            libc::recvmmsg(
                fd.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        let taken = usize::try_from(taken).map_err(|_| io::Error::last_os_error())?;
        for index in 0..taken {
            let header = &self.headers[index];
            let len = header.msg_len as usize;
            let Some(remote) = read_address(&self.names[index]) else { continue };
            let control = read_control(&header.msg_hdr);
            received.push(Envelope {
                index,
                path: path(local, control.to, remote),
                len,
                segment: control.segment.filter(|segment| *segment > 0).unwrap_or(len),
                truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            });
        }
        Ok(())
    }

    /// Sends `runs` of `arena` and gives the number that the kernel took: at least one, or an error
    /// that is about the first.
    ///
    /// `source`: say which local address to send from. `v6`: the socket is of IPv6.
    pub(super) fn send(
        &mut self,
        fd: BorrowedFd<'_>,
        arena: &[u8],
        runs: &[Run],
        source: bool,
        v6: bool,
    ) -> io::Result<usize> {
        let mut count = 0;
        for (index, run) in runs.iter().enumerate() {
            let Some(header) = self.headers.get_mut(index) else { break };
            let bytes = &arena[run.start..run.start + run.len];
            // The kernel only reads through this pointer; the structure has no `const` form.
            self.buffers[index] =
                libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
            let remote = if v6 { mapped(run.path.remote) } else { run.path.remote };
            let name_len = write_address(&mut self.names[index], remote);
            header.msg_len = 0;
            header.msg_hdr.msg_name = ptr::from_mut(&mut self.names[index]).cast();
            header.msg_hdr.msg_namelen = name_len;
            header.msg_hdr.msg_iov = ptr::from_mut(&mut self.buffers[index]);
            header.msg_hdr.msg_iovlen = 1;
            let from = source.then_some(run.path.local.ip());
            let segment = (run.packets > 1).then_some(run.segment as u16);
            let control_len = write_control(&mut self.controls[index], segment, from, v6);
            header.msg_hdr.msg_control = if control_len == 0 {
                ptr::null_mut()
            } else {
                self.controls[index].as_mut_ptr().cast()
            };
            header.msg_hdr.msg_controllen = control_len as _;
            header.msg_hdr.msg_flags = 0;
            count += 1;
        }
        // SAFETY: the first `count` headers were just filled with pointers into `arena`, `buffers`,
        // `names` and `controls`, each with its true length; all of them are borrowed for longer
        // than the call, and the kernel writes to nothing but `msg_len`.
        let taken = unsafe {
            libc::sendmmsg(
                fd.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT as _,
            )
        };
        usize::try_from(taken).map_err(|_| io::Error::last_os_error())
    }
}

fn empty_header() -> libc::mmsghdr {
    // SAFETY: `mmsghdr` is numbers and pointers; all zero is a valid value of each.
    unsafe { mem::zeroed() }
}

fn empty_address() -> Address {
    // SAFETY: `sockaddr_in6` is numbers and bytes; all zero is a valid value.
    unsafe { mem::zeroed() }
}

/// Reads an address of either family out of the room for the longer one.
fn read_address(address: &Address) -> Option<SocketAddr> {
    match libc::c_int::from(address.sin6_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the kernel wrote a `sockaddr_in` here; it is shorter than
            // the room, of the same alignment, and any bits are valid in its fields.
            let v4 = unsafe { *ptr::from_ref(address).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 => Some(SocketAddr::V6(SocketAddrV6::new(
            Ipv6Addr::from(address.sin6_addr.s6_addr),
            u16::from_be(address.sin6_port),
            address.sin6_flowinfo,
            address.sin6_scope_id,
        ))),
        _ => None,
    }
}

/// Writes an address and gives its length.
fn write_address(room: &mut Address, address: SocketAddr) -> libc::socklen_t {
    match address {
        SocketAddr::V4(v4) => {
            let written = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*v4.ip()).to_be() },
                sin_zero: [0; 8],
            };
            // SAFETY: `sockaddr_in` is shorter than the room and of the same alignment.
            unsafe { ptr::from_mut(room).cast::<libc::sockaddr_in>().write(written) };
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(v6) => {
            room.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            room.sin6_port = v6.port().to_be();
            room.sin6_flowinfo = v6.flowinfo();
            room.sin6_addr = libc::in6_addr { s6_addr: v6.ip().octets() };
            room.sin6_scope_id = v6.scope_id();
            size_of::<Address>() as libc::socklen_t
        }
    }
}

/// What the control messages of a received message say.
#[derive(Default)]
struct ReceivedControl {
    segment: Option<usize>,
    to: Option<IpAddr>,
}

/// Reads the control messages that the kernel wrote for `header`.
fn read_control(header: &libc::msghdr) -> ReceivedControl {
    let mut read = ReceivedControl::default();
    // SAFETY: the kernel set `msg_controllen` to what it wrote at `msg_control`, which still points
    // to our aligned room; the walk stays within that length.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !next.is_null() {
        // SAFETY: `CMSG_FIRSTHDR` and `CMSG_NXTHDR` give only pointers to whole headers in the room.
        let control = unsafe { &*next };
        // SAFETY: as above; the data follows the header.
        let data = unsafe { libc::CMSG_DATA(next) };
        let len = (control.cmsg_len as usize).saturating_sub(data as usize - next as usize);
        match (control.cmsg_level, control.cmsg_type) {
            (libc::SOL_UDP, libc::UDP_GRO) if len >= size_of::<libc::c_int>() => {
                // SAFETY: the message is as long as the value; the read needs no alignment.
                let segment = unsafe { data.cast::<libc::c_int>().read_unaligned() };
                read.segment = usize::try_from(segment).ok();
            }
            (libc::IPPROTO_IP, libc::IP_PKTINFO) if len >= size_of::<libc::in_pktinfo>() => {
                // SAFETY: the message is as long as the structure; the read needs no alignment.
                let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
                read.to = Some(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)).into());
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if len >= size_of::<libc::in6_pktinfo>() => {
                // SAFETY: the message is as long as the structure; the read needs no alignment.
                let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
                read.to = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
            }
            _ => {}
        }
        // SAFETY: `next` came from the walk over this very header.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
    read
}

/// Writes the control messages for a message to send and gives their length.
fn write_control(
    room: &mut Control,
    segment: Option<u16>,
    from: Option<IpAddr>,
    v6: bool,
) -> usize {
    let mut used = 0;
    if let Some(segment) = segment {
        used += write_one(room, used, libc::SOL_UDP, libc::UDP_SEGMENT, segment);
    }
    match from {
        Some(ip) if v6 => {
            let octets = match ip {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                IpAddr::V6(v6) => v6.octets(),
            };
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr { s6_addr: octets },
                ipi6_ifindex: 0,
            };
            used += write_one(room, used, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        }
        Some(IpAddr::V4(v4)) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from(v4).to_be() },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            used += write_one(room, used, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        }
        Some(IpAddr::V6(_)) | None => {}
    }
    used
}

/// Writes one control message at `at` (cmsg(3)) and gives the room that it took.
fn write_one<T: Copy>(
    room: &mut Control,
    at: usize,
    level: libc::c_int,
    kind: libc::c_int,
    value: T,
) -> usize {
    // SAFETY: both are arithmetic on a length.
    let (space, len) = unsafe {
        (
            libc::CMSG_SPACE(size_of::<T>() as libc::c_uint) as usize,
            libc::CMSG_LEN(size_of::<T>() as libc::c_uint) as usize,
        )
    };
    assert!(at + space <= size_of::<Control>(), "room for both control messages");
    // SAFETY: the assertion above keeps header and value within the room; `at` is a sum of
    // `CMSG_SPACE`s and thus keeps the header's alignment, and the value is written without any.
    unsafe {
        let header = room.as_mut_ptr().cast::<u8>().add(at).cast::<libc::cmsghdr>();
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = len as _;
        libc::CMSG_DATA(header).cast::<T>().write_unaligned(value);
    }
    space
}
