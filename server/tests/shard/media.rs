//! More that a client can say and hear.

use sotto_core::id::ExtensionId;

use crate::support::{Client, MIC, OPUS, Offering, Rig, packet};

const LEVEL_ID: ExtensionId = ExtensionId(1);

impl Rig {
    /// A client that offers nothing but its codecs, as [`Self::client_offering`].
    pub(crate) fn client(&mut self, room: &str, audio: usize, video: usize) -> Client {
        self.client_offering(Offering::default(), room, audio, video)
    }
}

impl Client {
    /// The next datagram: opened, and whether it is RTCP.
    pub(crate) fn receive(&mut self) -> (bool, Vec<u8>) {
        let mut buffer = [0; 2_000];
        let len = self.socket.recv(&mut buffer).unwrap();
        let rtcp = (192..224).contains(&buffer[1]);
        let opened = if rtcp {
            self.opener.open_rtcp(&mut buffer[..len])
        } else {
            self.opener.open_rtp(&mut buffer[..len])
        };
        (rtcp, buffer[..opened.unwrap()].to_vec())
    }

    /// The next RTP packet.
    pub(crate) fn receive_rtp(&mut self) -> Vec<u8> {
        loop {
            let (rtcp, packet) = self.receive();
            if !rtcp {
                return packet;
            }
        }
    }
}

/// One packet of Opus with an audio level.
pub(crate) fn opus_packet(seq: u16, payload: &[u8]) -> Vec<u8> {
    packet(MIC, OPUS, seq, u32::from(seq) * 960, &[(LEVEL_ID, &[0x80 | 20])], payload)
}
