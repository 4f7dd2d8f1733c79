use super::*;
use crate::forward::{
    ActiveTargets, DependencyRewrite, MAX_HEADER_LEN, PayloadRewrite, RewriteError,
};
use crate::rtp::{Dependency, DependencyReader, DependencyStructure, FrameTemplate, Indication};

fn plain(packet: &Packet) -> Rewrite {
    Rewrite {
        header_len: packet.header_len,
        payload_len: packet.payload_len,
        ssrc: Ssrc(0x0102_0304),
        payload_type: PayloadType(111),
        seq: SeqNo(0xfffe),
        timestamp: RtpTime(0xdead_beef),
        marker: true,
        csrc: ShortId(5),
        original: None,
        payload: PayloadRewrite::Unchanged,
        dependency: None,
    }
}

fn write(rewrite: &Rewrite, source: &[u8]) -> Vec<u8> {
    let mut out = vec![0xaa; source.len() + MAX_HEADER_LEN];
    let len = rewrite.write(source, &mut out, None).unwrap();
    out.truncate(len);
    out
}

#[test]
fn the_header_is_new_and_the_payload_is_not() {
    let sent = Sent { body: vec![1, 2, 3], ..audio(9, 9) };
    let out = write(&plain(&sent.packet()), &sent.bytes());
    let expected =
        [0x81, 0x80 | 111, 0xff, 0xfe, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 0, 0, 0, 5, 1, 2, 3];
    assert_eq!(out, expected);
}

#[test]
fn nothing_of_the_publishers_header_goes_on() {
    let bytes = {
        let mut out = vec![0; 200];
        let packet = PacketBuilder {
            ssrc: Ssrc(1),
            payload_type: PayloadType(96),
            seq: SeqNo(1),
            timestamp: RtpTime(1),
            marker: false,
            csrcs: &[77, 78],
            extensions: &[(ExtensionId(3), b"secret")],
            payload: &[1, 2, 3],
            padding: 4,
        };
        let len = packet.write(&mut out).unwrap();
        out.truncate(len);
        out
    };
    let packet = Packet::parse(&bytes, &ExtensionMap::default()).unwrap();
    let out = write(&plain(&packet), &bytes);
    assert_eq!(out.len(), 16 + 3);
    assert_eq!(out[0], 0x81);
    assert_eq!(&out[12..], [0, 0, 0, 5, 1, 2, 3]);
}

#[test]
fn vp8_counters_keep_the_width_of_the_source() {
    let rewrite_to = PayloadRewrite::Vp8 { picture_id: 0x1234, tl0_picture_index: 9 };
    type Case<'a> = (Option<(u16, bool)>, Option<u8>, &'a [u8]);
    let cases: [Case; 6] = [
        (None, None, &[0x10, 1]),
        (Some((1, true)), None, &[0x90, 0x80, 0x92, 0x34, 1]),
        (Some((1, false)), None, &[0x90, 0x80, 0x34, 1]),
        (None, Some(1), &[0x90, 0x40, 9, 1]),
        (Some((1, true)), Some(1), &[0x90, 0xc0, 0x92, 0x34, 9, 1]),
        (Some((1, false)), Some(1), &[0x90, 0xc0, 0x34, 9, 1]),
    ];
    for (picture_id, tl0, expected) in cases {
        let sent = Sent { picture_id, tl0, body: Vec::new(), ..video(1, 1) };
        let rewrite = Rewrite { payload: rewrite_to, ..plain(&sent.packet()) };
        assert_eq!(&write(&rewrite, &sent.bytes())[16..], expected, "{picture_id:?} {tl0:?}");
    }
}

#[test]
fn the_dependency_descriptor_goes_on_in_the_shortest_form_that_holds_it() {
    let cases: [(u8, usize, &[u8]); 5] = [
        // id, length of the data, then the block up to the frame number and its length.
        (9, 3, &[0xbe, 0xde, 0, 1, 0x92]),
        (14, 16, &[0xbe, 0xde, 0, 5, 0xef]),
        (15, 3, &[0x10, 0x00, 0, 2, 15, 3]),
        (9, 17, &[0x10, 0x00, 0, 5, 9, 17]),
        (200, 255, &[0x10, 0x00, 0, 65, 200, 255]),
    ];
    for (id, len, front) in cases {
        let data: Vec<u8> = (1..=len).map(|byte| byte as u8).collect();
        let sent = Sent { dependency: Some(data.clone()), body: vec![0x55; 4], ..video(1, 1) };
        let packet = sent.packet();
        let descriptor = packet.dependency.unwrap();
        let rewrite = Rewrite {
            dependency: Some(DependencyRewrite {
                offset: descriptor.offset,
                len: descriptor.len,
                id: ExtensionId(id),
                frame_number: 0xabcd,
                active: None,
            }),
            ..plain(&packet)
        };
        let out = write(&rewrite, &sent.bytes());
        assert_eq!(out[0], 0x91);
        let block = &out[16..];
        let (head, rest) = block.split_at(front.len());
        assert_eq!(head, front);
        assert_eq!(rest[..3], [data[0], 0xab, 0xcd]);
        assert_eq!(rest[3..len], data[3..]);
        let end = 4 + usize::from(block[3]) * 4;
        assert!(block[front.len() + len..end].iter().all(|&padding| padding == 0));
        assert_eq!(block[end..], sent.bytes()[usize::from(packet.header_len)..]);
        assert!(16 + end <= MAX_HEADER_LEN, "id {id}, {len} bytes");
    }
}

#[test]
fn bytes_that_do_not_belong_to_the_rewrite_are_refused() {
    let sent = Sent { dependency: Some(vec![0x80, 0, 1]), ..video(1, 1) }.picture(1, true, 1);
    let (bytes, packet) = (sent.bytes(), sent.packet());
    let vp8 = Rewrite {
        payload: PayloadRewrite::Vp8 { picture_id: 1, tl0_picture_index: 1 },
        dependency: Some(DependencyRewrite {
            offset: packet.dependency.unwrap().offset,
            len: 3,
            id: DEPENDENCY,
            frame_number: 1,
            active: None,
        }),
        ..plain(&packet)
    };
    let mut out = [0; 200];
    let whole = vp8.write(&bytes, &mut out, None).unwrap();
    for short in 0..whole {
        assert_eq!(
            vp8.write(&bytes, &mut out[..short], None),
            Err(RewriteError::Buffer),
            "{short}"
        );
    }
    for short in 0..bytes.len() {
        assert_eq!(
            vp8.write(&bytes[..short], &mut out, None),
            Err(RewriteError::Source),
            "{short}"
        );
    }
    let cut = Rewrite { payload_len: 3, ..vp8 };
    assert_eq!(
        cut.write(&bytes, &mut out, None),
        Err(RewriteError::Source),
        "inside the descriptor"
    );
}

#[test]
fn a_transport_wide_number_goes_in_front_of_the_descriptor() {
    let dependency = |id, len: u8| DependencyRewrite {
        offset: 0,
        len,
        id: ExtensionId(id),
        frame_number: 0xabcd,
        active: None,
    };
    let source = [9; 40];
    let base = Rewrite { header_len: 12, payload_len: 1, ..plain(&audio(1, 1).packet()) };
    let cases: [(u8, Option<DependencyRewrite>, &[u8]); 4] = [
        (3, None, &[0xbe, 0xde, 0, 1, 0x31, 0x12, 0x34, 0]),
        (15, None, &[0x10, 0x00, 0, 1, 15, 2, 0x12, 0x34]),
        (3, Some(dependency(9, 3)), &[0xbe, 0xde, 0, 2, 0x31, 0x12, 0x34, 0x92, 9, 0xab, 0xcd, 0]),
        (
            3,
            Some(dependency(15, 3)),
            &[0x10, 0x00, 0, 3, 3, 2, 0x12, 0x34, 15, 3, 9, 0xab, 0xcd, 0, 0, 0],
        ),
    ];
    for (id, dependency, expected) in cases {
        let rewrite = Rewrite { dependency, ..base };
        let mut out = [0xaa; 80];
        let transport = Some((ExtensionId(id), SeqNo(0x1234)));
        let len = rewrite.write(&source, &mut out, transport).unwrap();
        assert_eq!(&out[16..len - 1], expected, "id {id}, {dependency:?}");
        assert_eq!(out[len - 1], 9);
        for short in 0..len {
            let refused = rewrite.write(&source, &mut out[..short], transport);
            assert_eq!(refused, Err(RewriteError::Buffer), "{short}");
        }
    }
}

#[test]
fn a_retransmission_carries_the_number_of_what_it_repeats() {
    let sent = Sent { picture_id: Some((1, false)), body: Vec::new(), ..video(1, 1) };
    let rewrite = Rewrite {
        original: Some(SeqNo(0x0102)),
        payload: PayloadRewrite::Vp8 { picture_id: 5, tl0_picture_index: 0 },
        ..plain(&sent.packet())
    };
    assert_eq!(&write(&rewrite, &sent.bytes())[16..], [1, 2, 0x90, 0x80, 5, 1]);
}

#[test]
fn active_targets_are_written_as_if_the_publisher_had_said_them() {
    let template = |temporal, indications: [Indication; 3]| FrameTemplate {
        temporal,
        indications: indications.to_vec(),
        references: vec![1],
        ..FrameTemplate::default()
    };
    use Indication::{Discardable as D, NotPresent as N, Switch as S};
    let structure = DependencyStructure {
        templates: vec![template(0, [S, S, S]), template(1, [N, D, S]), template(2, [N, N, D])],
        ..DependencyStructure::default()
    };
    for (attached, own) in [(false, false), (true, false), (false, true), (true, true)] {
        for said in [None, Some(0b101)] {
            let references = [7, 300];
            let by_source = Dependency {
                start_of_frame: true,
                end_of_frame: true,
                template: 1,
                frame_number: 5,
                structure: &structure,
                attached,
                active: said,
                indications: own.then_some(&[N, S, D]),
                references: own.then_some(&references),
                chains: None,
            };
            let data_of = |dependency: Dependency<'_>| {
                let mut data = [0; 80];
                let len = dependency.write(&mut data).unwrap();
                data[..len].to_vec()
            };
            let data = data_of(by_source);
            let mut reader = DependencyReader::new();
            reader.read(&data_of(Dependency { attached: true, ..by_source })).unwrap();
            let frame = reader.read(&data).unwrap();
            let sent = Sent { dependency: Some(data.clone()), ..video(1, 1) };
            let packet = sent.packet();
            let rewrite = Rewrite {
                dependency: Some(DependencyRewrite {
                    offset: packet.dependency.unwrap().offset,
                    len: data.len() as u8,
                    id: DEPENDENCY,
                    frame_number: 9,
                    active: Some(ActiveTargets {
                        mask: 0b011,
                        count: 3,
                        at: frame.active_at,
                        replaces: frame.active_present,
                    }),
                }),
                ..plain(&packet)
            };
            let out = parse(&write(&rewrite, &sent.bytes()), Codec::Vp8);
            let at = out.dependency.unwrap();
            let written = write(&rewrite, &sent.bytes());
            let start = usize::from(at.offset);
            let mut expected =
                data_of(Dependency { active: Some(0b011), frame_number: 9, ..by_source });
            // What stood for padding may need a byte of its own.
            let written = &written[start..start + usize::from(at.len)];
            expected.resize(written.len(), 0);
            assert_eq!(written, expected, "attached {attached}, own {own}, said {said:?}");
        }
    }
}
