//! What is inside of a layer.

use std::time::Duration;

use super::{audio, video};
use crate::{
    forward::{Inside, InsideMeter, Received, SourceStream},
    rtp::{
        Dependency, DependencyReader, DependencyStructure, FrameDependency, FrameTemplate,
        Indication, VideoDescriptor, Vp9Descriptor, Vp9Layers,
    },
    time::Time,
};

use Indication::{NotPresent as N, Switch as S};

fn received(milliseconds: u64) -> Received {
    let mut received =
        SourceStream::new().receive(Time::default(), &audio(1, 1).packet()).expect("the first");
    received.at = Time::from_micros(1_795_000_000_000_000 + milliseconds * 1_000);
    received
}

/// A packet of a VP9 layer without a dependency descriptor.
fn vp9(milliseconds: u64, spatial: u8, temporal: u8) -> Received {
    let mut packet = received(milliseconds);
    let layers = Vp9Layers { spatial, temporal, ..Vp9Layers::default() };
    let descriptor = Vp9Descriptor { layers: Some(layers), ..Vp9Descriptor::default() };
    packet.packet.video = Some(VideoDescriptor::Vp9(descriptor));
    packet
}

/// A packet of one of two spatial layers of which the upper needs the lower at keyframes alone.
fn key_mode(milliseconds: u64, frame: FrameDependency) -> Received {
    let mut packet = received(milliseconds);
    packet.packet.frame = Some(frame);
    packet
}

/// Counts and shares in per cent.
fn check(meter: &InsideMeter, spatial: u8, temporal: u8, expected: &[&[u16]]) {
    let inside = meter.inside().expect("found out");
    assert_eq!((inside.spatial, inside.temporal), (spatial, temporal));
    for (shares, expected) in inside.shares.iter().zip(expected) {
        for (share, expected) in shares.iter().zip(*expected) {
            assert!(share.abs_diff(expected * 10) <= 20, "{inside:?}");
        }
    }
}

#[test]
fn a_lone_layer_is_told_from_one_of_which_nothing_is_known() {
    let (mut lone, mut unknown) = (InsideMeter::new(), InsideMeter::new());
    for at in (0..1_500).step_by(33) {
        let mut packet = received(at);
        unknown.observe(&packet, 1_000);
        packet.packet.video = video(1, 1).packet().video;
        lone.observe(&packet, 1_000);
    }
    assert_eq!(unknown.inside(), None);
    assert_eq!(lone.inside(), Some(&Inside { spatial: 1, temporal: 1, shares: [[1_000; 3]; 3] }));
}

#[test]
fn parts_that_build_on_one_another_are_summed_up() {
    let mut meter = InsideMeter::new();
    for frame in 0..90 {
        let (at, temporal) = (frame * 33, [0, 2, 1, 2][frame as usize % 4]);
        for (spatial, len) in [(0, 152), (1, 752)] {
            meter.observe(&vp9(at, spatial, temporal), len);
        }
    }
    // 200 bytes on the wire for the lower, 800 for the upper; half of the frames are on top.
    check(&meter, 2, 3, &[&[5, 10, 20], &[25, 50, 100]]);
}

#[test]
fn who_gets_an_upper_layer_need_not_pay_for_the_lower_where_it_is_not_needed() {
    let template = |spatial, indications: [Indication; 2]| FrameTemplate {
        spatial,
        temporal: 0,
        indications: indications.to_vec(),
        references: vec![2],
        chains: vec![2, 2],
    };
    let structure = DependencyStructure {
        id_offset: 0,
        templates: vec![template(0, [S, S]), template(0, [S, N]), template(1, [N, S])],
        protected_by: vec![0, 1],
        resolutions: Vec::new(),
    };
    let mut reader = DependencyReader::new();
    let frames = [0, 1, 2].map(|template| {
        let dependency = Dependency {
            start_of_frame: true,
            end_of_frame: true,
            template,
            frame_number: 1,
            structure: &structure,
            attached: template == 0,
            active: None,
            indications: None,
            references: None,
            chains: None,
        };
        let mut data = [0; 255];
        let len = dependency.write(&mut data).unwrap();
        reader.read(&data[..len]).expect("well-formed")
    });
    let mut meter = InsideMeter::new();
    for frame in 0..90 {
        let lower = frames[usize::from(frame > 0)];
        meter.observe(&key_mode(frame * 33, lower), 352);
        meter.observe(&key_mode(frame * 33, frames[2]), 752);
    }
    check(&meter, 2, 1, &[&[50], &[100]]);
}

#[test]
fn a_part_that_is_no_longer_made_is_forgotten_and_a_pause_forgets_nothing() {
    let mut meter = InsideMeter::new();
    let run = |meter: &mut InsideMeter, from: u64, layers: u8| {
        for at in (from..from + 4_000).step_by(33) {
            (0..layers).for_each(|spatial| meter.observe(&vp9(at, spatial, 0), 952));
        }
    };
    run(&mut meter, 0, 2);
    check(&meter, 2, 1, &[&[50], &[100]]);
    meter.observe(&vp9(60_000, 0, 0), 952);
    check(&meter, 2, 1, &[&[50], &[100]]);
    run(&mut meter, 60_000 + Duration::from_millis(33).as_millis() as u64, 1);
    check(&meter, 1, 1, &[&[100]]);
}
