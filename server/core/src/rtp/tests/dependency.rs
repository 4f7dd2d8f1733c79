//! Dependency descriptors: written by a structure, read by it.

use proptest::{collection::vec, prelude::*};

use crate::rtp::{
    BuildError, Dependency, DependencyReader, DependencyStructure, FrameDependency, FrameTemplate,
    Indication,
};

use Indication::{Discardable as D, NotPresent as N, Required as R, Switch as S};

/// Two spatial and two temporal layers; the spatial ones are predicted from one another at keyframes
/// only (L2T2_KEY). The targets are S0T0, S0T1, S1T0, S1T1.
fn l2t2_key() -> DependencyStructure {
    let template =
        |spatial, temporal, indications: [Indication; 4], references: &[u8], chains: [u8; 2]| {
            FrameTemplate {
                spatial,
                temporal,
                indications: indications.to_vec(),
                references: references.to_vec(),
                chains: chains.to_vec(),
            }
        };
    DependencyStructure {
        id_offset: 60,
        templates: vec![
            template(0, 0, [S, S, S, S], &[], [0, 0]),
            template(0, 0, [S, S, N, N], &[4], [4, 3]),
            template(0, 1, [N, D, N, N], &[2], [2, 1]),
            template(1, 0, [N, N, S, S], &[1], [1, 1]),
            template(1, 0, [N, N, S, S], &[4], [1, 4]),
            template(1, 1, [N, N, N, D], &[2], [3, 2]),
        ],
        protected_by: vec![0, 0, 1, 1],
        resolutions: vec![(320, 180), (640, 360)],
    }
}

fn frame(structure: &DependencyStructure, template: u8) -> Dependency<'_> {
    Dependency {
        start_of_frame: true,
        end_of_frame: false,
        template,
        frame_number: 7,
        structure,
        attached: false,
        active: None,
        indications: None,
        references: None,
        chains: None,
    }
}

fn bytes(dependency: &Dependency<'_>) -> Vec<u8> {
    let mut out = [0xaa; 255];
    let len = dependency.write(&mut out).unwrap();
    out[..len].to_vec()
}

fn seen(frame: &FrameDependency) -> (u8, u8, Vec<Indication>) {
    (frame.spatial, frame.temporal, (0..4).map(|target| frame.indication(target)).collect())
}

#[test]
fn every_template_of_a_structure_is_read_by_its_id() {
    let structure = l2t2_key();
    let mut reader = DependencyReader::new();
    assert_eq!(reader.read(&bytes(&frame(&structure, 1))), None, "no structure yet");
    for (index, template) in (0..).zip(&structure.templates) {
        let data = bytes(&Dependency { attached: index == 0, ..frame(&structure, index) });
        let read = reader.read(&data).expect("well-formed");
        assert_eq!(
            seen(&read),
            (template.spatial, template.temporal, template.indications.clone())
        );
        assert_eq!(read.active, 0b1111);
    }
    assert_eq!(reader.read(&bytes(&frame(&structure, 6))), None, "no such template");
}

#[test]
fn a_decode_target_is_chosen_by_layers_and_by_what_is_active() {
    let structure = l2t2_key();
    let mut reader = DependencyReader::new();
    let all = reader.read(&bytes(&Dependency { attached: true, ..frame(&structure, 0) })).unwrap();
    assert_eq!(
        [0, 1, 2, 3].map(|target| all.target_layers(target)),
        [(0, 0), (0, 1), (1, 0), (1, 1)]
    );
    let best = |frame: &FrameDependency| {
        [(0, 0), (0, 9), (1, 0), (9, 9)].map(|(s, t)| frame.best_target(s, t))
    };
    assert_eq!(best(&all), [Some(0), Some(1), Some(2), Some(3)]);
    assert_eq!([0, 1, 2, 3].map(|target| all.within(target)), [0b0001, 0b0011, 0b0101, 0b1111]);
    // The publisher stops its upper spatial layer, and says so once.
    let less = Dependency { active: Some(0b0011), ..frame(&structure, 1) };
    let less = reader.read(&bytes(&less)).unwrap();
    assert_eq!(best(&less), [Some(0), Some(1), Some(0), Some(1)]);
    assert_eq!((less.active_at, less.active_present), (29, true));
    let later = reader.read(&bytes(&frame(&structure, 1))).unwrap();
    assert_eq!((later.active, later.active_at, later.active_present), (0b0011, 24, false));
}

#[test]
fn what_a_frame_says_of_its_own_comes_before_its_template() {
    let structure = l2t2_key();
    let mut reader = DependencyReader::new();
    reader.read(&bytes(&Dependency { attached: true, ..frame(&structure, 0) })).unwrap();
    let own = Dependency {
        indications: Some(&[N, R, D, S]),
        references: Some(&[1, 16, 17, 256, 257, 4096]),
        chains: Some(&[200, 3]),
        ..frame(&structure, 4)
    };
    let read = reader.read(&bytes(&own)).unwrap();
    assert_eq!(seen(&read), (1, 0, vec![N, R, D, S]));
}

#[test]
fn a_cut_structure_is_refused_and_forgets_the_one_before() {
    let structure = l2t2_key();
    let whole = bytes(&Dependency { attached: true, ..frame(&structure, 0) });
    for len in 0..whole.len() {
        let mut reader = DependencyReader::new();
        let read = reader.read(&whole[..len]);
        assert_eq!(read, None, "{len} of {}", whole.len());
    }
    let mut reader = DependencyReader::new();
    reader.read(&whole).unwrap();
    reader.read(&whole[..8]);
    assert_eq!(reader.read(&bytes(&frame(&structure, 1))), None);
}

#[test]
fn a_structure_that_cannot_be_said_is_not_written() {
    let mut out = [0; 255];
    let mut write = |structure: &DependencyStructure, change: fn(&mut Dependency<'_>)| {
        let mut dependency = Dependency { attached: true, ..frame(structure, 0) };
        change(&mut dependency);
        dependency.write(&mut out)
    };
    let empty = DependencyStructure::default();
    assert_eq!(write(&empty, |_| {}), Err(BuildError::Value));
    let mut uneven = l2t2_key();
    uneven.templates[1].indications.pop();
    assert_eq!(write(&uneven, |_| {}), Err(BuildError::Value));
    let mut disorder = l2t2_key();
    disorder.templates.swap(0, 5);
    assert_eq!(write(&disorder, |_| {}), Err(BuildError::Value));
    let good = l2t2_key();
    assert_eq!(
        write(&good, |dependency| dependency.references = Some(&[0])),
        Err(BuildError::Value)
    );
    assert_eq!(
        write(&good, |dependency| dependency.references = Some(&[4097])),
        Err(BuildError::Value)
    );
    assert!(write(&good, |_| {}).is_ok());
}

/// A structure that is well-formed: its templates in order, each target of at least one.
fn structures() -> impl Strategy<Value = DependencyStructure> {
    (1..=4u8, 1..=4u8, 1..=16usize, 0..64u8, any::<bool>(), any::<bool>(), any::<u64>()).prop_map(
        |(spatial, temporal, targets, id_offset, chained, sized, seed)| {
            let mut state = seed | 1;
            let mut random = move |below: u64| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            let chains = if chained { 1 + random(targets as u64) as usize } else { 0 };
            let mut templates = Vec::new();
            for s in 0..spatial {
                for t in 0..temporal {
                    for again in 0..1 + random(2) {
                        let first = s == 0 && t == 0 && again == 0;
                        templates.push(FrameTemplate {
                            spatial: s,
                            temporal: t,
                            indications: (0..targets)
                                .map(|_| {
                                    if first { S } else { Indication::from_bits(random(4) as u32) }
                                })
                                .collect(),
                            references: (0..random(4)).map(|_| 1 + random(16) as u8).collect(),
                            chains: (0..chains).map(|_| random(16) as u8).collect(),
                        });
                    }
                }
            }
            DependencyStructure {
                id_offset,
                templates,
                // The highest number names how many there are.
                protected_by: (0..targets)
                    .take(if chained { targets } else { 0 })
                    .map(
                        |target| {
                            if target == 0 { chains as u8 - 1 } else { random(chains as u64) as u8 }
                        },
                    )
                    .collect(),
                resolutions: if sized {
                    vec![(640, 360); usize::from(spatial)]
                } else {
                    Vec::new()
                },
            }
        },
    )
}

proptest! {
    #[test]
    fn whatever_a_structure_is_its_frames_are_read_back(
        structure in structures(),
        number in any::<u16>(),
        own in any::<bool>(),
        active in any::<Option<u16>>(),
        references in prop::option::of(vec(1..=4096u16, 0..4)),
    ) {
        let mut reader = DependencyReader::new();
        let targets = structure.templates[0].indications.len();
        let active = active.map(|active| active & ((1u32 << targets) - 1) as u16);
        for (index, template) in (0..).zip(&structure.templates) {
            let dependency = Dependency {
                frame_number: number,
                attached: index == 0,
                active,
                indications: own.then_some(&template.indications[..]),
                references: references.as_deref(),
                ..frame(&structure, index)
            };
            let mut out = [0xaa; 1000];
            let len = dependency.write(&mut out).unwrap();
            let read = reader.read(&out[..len]).expect("well-formed");
            prop_assert_eq!((read.spatial, read.temporal), (template.spatial, template.temporal));
            for (target, indication) in (0..).zip(&template.indications) {
                prop_assert_eq!(read.indication(target), *indication);
            }
            let all = ((1u32 << targets) - 1) as u16;
            prop_assert_eq!(read.active, active.unwrap_or(all));
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(all in vec(vec(any::<u8>(), 0..60), 0..20)) {
        let mut reader = DependencyReader::new();
        for data in all {
            if let Some(frame) = reader.read(&data) {
                let target = frame.best_target(2, 2);
                prop_assert!(target.is_none_or(|target| frame.within(target) >> target & 1 == 1));
            }
        }
    }

    #[test]
    fn no_bent_structure_makes_the_reader_panic(
        structure in structures(),
        bends in vec(any::<(prop::sample::Index, u8)>(), 0..6),
        template in any::<u8>(),
    ) {
        let mut out = [0; 1000];
        let dependency = Dependency { attached: true, ..frame(&structure, 0) };
        let len = dependency.write(&mut out).unwrap();
        for (at, byte) in bends {
            out[at.index(len)] = byte;
        }
        let mut reader = DependencyReader::new();
        reader.read(&out[..len]);
        reader.read(&[template, 0, 1]);
    }
}
