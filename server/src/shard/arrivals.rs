//! When the packets of a publisher arrived, for the congestion control in its browser.

use sotto_core::{
    bandwidth::TransportFeedbackBuilder,
    id::{ExtensionId, SeqNo, Ssrc},
    time::Time,
};

use super::rtcp::OUR_SSRC;

/// The arrivals of one connection that numbers its packets
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
///
/// An arrival has the time of the turn that took it from the socket: a turn is far shorter than the
/// quarter of a millisecond that feedback can tell apart, unless the shard is overloaded, and the
/// kernel has but one time for a run of datagrams that it joined.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// What the number is called on this connection.
    id: ExtensionId,
    builder: TransportFeedbackBuilder,
    /// A timer is set for the next message.
    armed: bool,
}

impl Arrivals {
    pub(super) fn new(id: ExtensionId) -> Self {
        Self { id, builder: TransportFeedbackBuilder::new(OUR_SSRC), armed: false }
    }

    /// An offer may give the extension another id.
    pub(super) fn set_id(&mut self, id: ExtensionId) {
        self.id = id;
    }

    /// The client begins anew, with numbers of its own choice.
    pub(super) fn restart(&mut self) {
        self.builder = TransportFeedbackBuilder::new(OUR_SSRC);
        self.armed = false;
    }

    /// Takes a packet that was opened, `wire_bytes` long with everything around it. Gives when the
    /// next message is due if no timer was set for it yet.
    pub(super) fn packet(&mut self, now: Time, packet: &[u8], wire_bytes: usize) -> Option<Time> {
        let (media, seq) = transport_number(packet, self.id)?;
        self.builder.received(now, seq, media, wire_bytes);
        if self.armed {
            return None;
        }
        let due = self.builder.poll_timeout();
        self.armed = due.is_some();
        due
    }

    /// Appends what is due to `out`, which may be nothing, and gives when to come again.
    pub(super) fn write(&mut self, now: Time, out: &mut Vec<u8>) -> Option<Time> {
        self.builder.poll(now, out);
        let due = self.builder.poll_timeout();
        self.armed = due.is_some();
        due
    }
}

/// Source and transport-wide number of a packet, if it has one: in either form of header extensions
/// (RFC 8285 sections 4.2 and 4.3).
fn transport_number(packet: &[u8], wanted: ExtensionId) -> Option<(Ssrc, SeqNo)> {
    let fixed = packet.first_chunk::<12>()?;
    if fixed[0] & 0x10 == 0 {
        return None;
    }
    let start = 12 + usize::from(fixed[0] & 0x0f) * 4;
    let [p0, p1, l0, l1] = *packet.get(start..)?.first_chunk()?;
    let words = usize::from(u16::from_be_bytes([l0, l1]));
    let mut rest = packet.get(start + 4..start + 4 + words * 4)?;
    let one_byte = match (p0, p1) {
        (0xbe, 0xde) => true,
        (0x10, 0..=15) => false,
        _ => return None,
    };
    while let Some((&head, behind)) = rest.split_first() {
        // Padding between elements.
        if head == 0 {
            rest = behind;
            continue;
        }
        let (id, len, data) = if one_byte {
            (head >> 4, usize::from(head & 0x0f) + 1, behind)
        } else {
            let (&len, data) = behind.split_first()?;
            (head, usize::from(len), data)
        };
        if id == wanted.0 {
            let number: [u8; 2] = data.get(..len)?.try_into().ok()?;
            let ssrc = [fixed[8], fixed[9], fixed[10], fixed[11]];
            return Some((Ssrc(u32::from_be_bytes(ssrc)), SeqNo(u16::from_be_bytes(number))));
        }
        rest = data.get(len..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use sotto_core::{
        id::{PayloadType, RtpTime},
        rtp::PacketBuilder,
    };

    use super::*;

    fn packet(extensions: &[(ExtensionId, &[u8])]) -> Vec<u8> {
        let mut out = [0; 200];
        let builder = PacketBuilder {
            ssrc: Ssrc(7),
            payload_type: PayloadType(96),
            seq: SeqNo(1),
            timestamp: RtpTime(2),
            marker: false,
            csrcs: &[1, 2],
            extensions,
            payload: b"payload",
            padding: 0,
        };
        let len = builder.write(&mut out).unwrap();
        out[..len].to_vec()
    }

    #[test]
    fn the_number_is_found_behind_other_extensions_in_both_forms() {
        let number: (_, &[u8]) = (ExtensionId(3), &[0xab, 0xcd]);
        let short: (_, &[u8]) = (ExtensionId(1), &[9]);
        let long: (_, &[u8]) = (ExtensionId(2), &[9; 40]);
        for extensions in [&[number][..], &[short, number], &[long, short, number], &[number, long]]
        {
            let found = transport_number(&packet(extensions), ExtensionId(3));
            assert_eq!(found, Some((Ssrc(7), SeqNo(0xabcd))), "{extensions:?}");
        }
        for extensions in [&[][..], &[short], &[(ExtensionId(3), &[1, 2, 3])]] {
            assert_eq!(transport_number(&packet(extensions), ExtensionId(3)), None);
        }
    }

    #[test]
    fn a_packet_cut_short_has_no_number_and_does_no_harm() {
        let whole = packet(&[(ExtensionId(2), &[9; 40]), (ExtensionId(3), &[0xab, 0xcd])]);
        for len in 0..whole.len() - 9 {
            assert_eq!(transport_number(&whole[..len], ExtensionId(3)), None, "{len}");
        }
    }

    #[test]
    fn one_timer_is_asked_for_until_the_message_is_written() {
        let mut arrivals = Arrivals::new(ExtensionId(3));
        let now = Time::from_micros(5_000_000);
        let numbered = |number: u8| packet(&[(ExtensionId(3), &[0, number])]);
        let due = arrivals.packet(now, &numbered(1), 100).expect("a message is due");
        assert_eq!(arrivals.packet(now, &numbered(2), 100), None);
        assert_eq!(arrivals.packet(now, &packet(&[]), 100), None);
        let mut out = Vec::new();
        assert_eq!(arrivals.write(due, &mut out), None);
        assert!(!out.is_empty());
        assert!(arrivals.packet(due, &numbered(3), 100).is_some());
    }
}
