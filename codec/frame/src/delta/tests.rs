//! Deltas there and back, and hostile ones.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;
use crate::{
    Container, Epoch, ModelHash, PluginId,
    container::{MAX_BODY_LEN, MAX_CONTAINER_LEN},
};

fn container(epoch: u32, body: &[u8]) -> (Vec<u8>, ModelHash) {
    let (plugin, epoch) = (PluginId::FACE, Epoch(epoch));
    let container = Container { plugin, plugin_version: 1, epoch, created_at_ms: 5, body };
    container.write().expect("a short body")
}

/// A delta of any ops between two containers.
fn delta(base: &ModelHash, target: &ModelHash, target_len: u32, ops: &[u8]) -> Vec<u8> {
    let mut out = [&MAGIC[..], &[DELTA_VERSION], &base.0, &target.0].concat();
    out.extend_from_slice(&target_len.to_be_bytes());
    out.extend_from_slice(ops);
    ModelHash::seal(&mut out);
    out
}

/// Bytes without repetition.
fn noise(len: usize, mut state: u32) -> Vec<u8> {
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn a_refinement_costs_what_is_new() {
    let body = noise(40_000, 1);
    let refined = [&body[..10_000], &noise(500, 2), &body[10_100..], &noise(300, 3)].concat();
    let (base, _) = container(1, &body);
    let (target, _) = container(2, &refined);
    let delta = Delta::between(&base, &target).expect("a short delta");
    let new = 500 + 300 + 2 * ModelHash::LEN;
    assert!(delta.len() < new + 200, "{} bytes for {new} new ones", delta.len());
    let parsed = Delta::parse(&delta).expect("what we write can be read");
    assert_eq!(parsed.apply(&base), Ok(target));
}

#[test]
fn a_delta_is_for_one_base_only() {
    let (base, base_hash) = container(1, b"one");
    let (other, _) = container(1, b"other");
    let (target, target_hash) = container(2, b"two");
    let delta = Delta::between(&base, &target).expect("a short delta");
    let parsed = Delta::parse(&delta).expect("what we write can be read");
    assert_eq!((parsed.base(), parsed.target()), (base_hash, target_hash));
    assert_eq!(parsed.apply(&other), Err(DeltaError::Base));
    assert_eq!(parsed.apply(&base[..9]), Err(DeltaError::Base));
    assert_eq!(Delta::between(&base, b"no container"), Err(DeltaError::Target));
    assert_eq!(Delta::between(b"no container", &target), Err(DeltaError::Base));
}

#[test]
fn every_rule_has_an_error_of_its_own() {
    let (base, from) = container(1, b"one");
    let (target, to) = container(2, b"two");
    let len = target.len() as u32;
    let literal = [&[len as u8 * 2 + 1], &target[..]].concat();
    let parsed = |len, ops: &[u8]| {
        let bytes = delta(&from, &to, len, ops);
        Delta::parse(&bytes).and_then(|delta| delta.apply(&base))
    };
    assert_eq!(parsed(len, &literal), Ok(target.clone()));
    assert_eq!(parsed(len - 1, &literal), Err(DeltaError::Length));
    assert_eq!(parsed(len + 1, &literal), Err(DeltaError::Length));
    assert_eq!(parsed(0, &[0, 0]), Err(DeltaError::Op));
    assert_eq!(parsed(0, &[1]), Err(DeltaError::Op));
    assert_eq!(parsed(1, &[0x82, 0, 0]), Err(DeltaError::Op));
    assert_eq!(parsed(2, &[5, 0]), Err(DeltaError::Truncated));
    assert_eq!(parsed(1, &[2]), Err(DeltaError::Truncated));
    assert_eq!(parsed(1, &[2, base.len() as u8]), Err(DeltaError::Bounds));
    assert_eq!(parsed(1, &[2, 0xff, 0xff, 0xff, 0xff, 0x0f]), Err(DeltaError::Bounds));
    assert_eq!(parsed(1, &[2, 0]), Err(DeltaError::Target));
    assert_eq!(parsed(u32::MAX, &[2, 0]), Err(DeltaError::TooLong));
    assert_eq!(Delta::parse(&vec![0; MAX_DELTA_LEN + 1]), Err(DeltaError::TooLong));
    let mut broken = delta(&from, &to, len, &literal);
    broken[4] = 2;
    assert_eq!(Delta::parse(&broken), Err(DeltaError::Version));
    broken[0] = 0;
    assert_eq!(Delta::parse(&broken), Err(DeltaError::Magic));
    let mut changed = delta(&from, &to, len, &literal);
    changed[80] ^= 1;
    assert_eq!(Delta::parse(&changed), Err(DeltaError::Digest));
}

#[test]
fn a_small_delta_cannot_make_a_large_model() {
    let (base, from) = container(1, &[0; 60_000]);
    let mut ops = Vec::new();
    for _ in 0..1_000 {
        ops.extend_from_slice(&[0xc0, 0xa9, 0x07, 0]); // 60,000 bytes from the base's first
    }
    let bytes = delta(&from, &from, MAX_CONTAINER_LEN as u32, &ops);
    assert_eq!(Delta::parse(&bytes), Err(DeltaError::Length));
    let bytes = delta(&from, &from, 60_000 * 50, &ops[..50 * 4]);
    let delta = Delta::parse(&bytes).expect("ops that add up");
    assert_eq!(delta.apply(&base), Err(DeltaError::Target));
}

#[test]
fn the_longest_models_are_compared_in_linear_time() {
    let same = vec![0; MAX_BODY_LEN];
    let mut turned = same.clone();
    turned[MAX_BODY_LEN / 2] = 1;
    let (base, _) = container(1, &same);
    let (target, _) = container(2, &turned);
    let delta = Delta::between(&base, &target).expect("a short delta");
    assert!(delta.len() < 1_000, "{} bytes", delta.len());
    assert_eq!(Delta::parse(&delta).and_then(|delta| delta.apply(&base)), Ok(target));
    let (other, _) = container(2, &noise(MAX_BODY_LEN, 9));
    assert_eq!(Delta::between(&base, &other), Err(DeltaError::TooLong));
}

/// A body, and pieces of it and of others in another order.
fn bodies() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let piece = (any::<Index>(), any::<Index>(), vec(any::<u8>(), 0..20));
    (vec(any::<u8>(), 1..600), vec(piece, 0..12)).prop_map(|(base, pieces)| {
        let mut target = Vec::new();
        for (from, to, new) in pieces {
            let (a, b) = (from.index(base.len()), to.index(base.len()));
            target.extend_from_slice(&base[a.min(b)..a.max(b)]);
            target.extend(new);
        }
        (base, target)
    })
}

proptest! {
    #[test]
    fn a_delta_makes_the_target_again((base, target) in bodies(), few in 1u8..) {
        // Few different bytes make many false and overlapping matches.
        let fold = |bytes: &[u8]| bytes.iter().map(|byte| byte % few).collect::<Vec<_>>();
        let (base, _) = container(1, &fold(&base));
        let (target, _) = container(2, &fold(&target));
        let bytes = Delta::between(&base, &target).expect("a short delta");
        prop_assert!(bytes.len() <= target.len() + 110);
        let delta = Delta::parse(&bytes).expect("what we write can be read");
        prop_assert_eq!(delta.apply(&base), Ok(target));
    }

    #[test]
    fn a_delta_cut_anywhere_is_an_error((base, target) in bodies(), at: Index) {
        let (base, _) = container(1, &base);
        let (target, _) = container(2, &target);
        let bytes = Delta::between(&base, &target).expect("a short delta");
        let cut = Delta::parse(&bytes[..at.index(bytes.len())]);
        prop_assert!(matches!(cut, Err(DeltaError::Truncated | DeltaError::Digest)));
    }

    #[test]
    fn arbitrary_ops_are_an_error_and_build_nothing_long(
        ops in vec(any::<u8>(), 0..60),
        target_len in 0u32..5_000_000,
    ) {
        let (base, hash) = container(1, &[3; 100]);
        let bytes = delta(&hash, &hash, target_len, &ops);
        if let Ok(delta) = Delta::parse(&bytes) {
            let made = delta.apply(&base);
            prop_assert!(made.is_err() || made.as_ref() == Ok(&base));
        }
    }
}
