#![allow(unsafe_code, reason = "a TUN device gets its name by an ioctl without a safe door")]
//! A network device whose packets this process reads and writes.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    mem,
    os::fd::AsRawFd,
};

/// A TUN device of the network namespace in which it was opened; it may be moved to another one,
/// and goes when it is dropped.
#[derive(Debug)]
pub struct Tun(File);

impl Tun {
    /// Makes the device `name`, at most 15 bytes.
    ///
    /// # Errors
    /// Without `/dev/net/tun` or the right to administer the network of this namespace.
    pub fn open(name: &str) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
        // SAFETY: all bytes zero are a valid `ifreq`: numbers, arrays of them and null pointers.
        let mut request: libc::ifreq = unsafe { mem::zeroed() };
        if name.len() >= request.ifr_name.len() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name of 15 bytes at most"));
        }
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        // SAFETY: the descriptor is open, and the kernel reads and writes one `ifreq` of ours.
        let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(Self(file)) }
    }

    /// A second handle to it.
    ///
    /// # Errors
    /// When no more files can be opened.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Waits for a packet that the kernel sends over the device.
    ///
    /// # Errors
    /// When the device is gone.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    /// Lets a packet come out of the device. One that the kernel does not want is dropped.
    ///
    /// # Errors
    /// When the device is gone.
    pub fn write(&mut self, packet: &[u8]) -> io::Result<()> {
        match self.0.write(packet) {
            // Not yet or no longer up, or a packet that makes no sense to the kernel.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL)) => Ok(()),
            result => result.map(drop),
        }
    }
}
