use proptest::{collection::vec, prelude::*};

use super::{Context, CorruptError, Decoder, Encoder};

/// A decision, and the context of a few that it is made in.
type Decision = (usize, bool);

fn contexts(start: &[u16]) -> Vec<Context> {
    start.iter().map(|&no| Context::new(no)).collect()
}

fn encode(start: &[u16], decisions: &[Decision]) -> Vec<u8> {
    let mut contexts = contexts(start);
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out);
    for &(at, yes) in decisions {
        encoder.adapt(&mut contexts[at], yes);
    }
    encoder.finish();
    out
}

fn decode(start: &[u16], decisions: &[Decision], bytes: &[u8]) -> Result<Vec<bool>, CorruptError> {
    let mut contexts = contexts(start);
    let mut decoder = Decoder::new(bytes);
    let read = decisions.iter().map(|&(at, _)| decoder.adapt(&mut contexts[at])).collect();
    decoder.finish().map(|()| read)
}

fn check(start: &[u16], decisions: &[Decision]) -> Vec<u8> {
    let bytes = encode(start, decisions);
    let read = decode(start, decisions, &bytes);
    assert_eq!(read, Ok(decisions.iter().map(|&(_, yes)| yes).collect()));
    bytes
}

#[test]
fn nothing_is_no_bytes_and_no_bytes_are_nothing() {
    assert_eq!(check(&[], &[]), []);
}

#[test]
fn what_was_expected_costs_next_to_nothing_and_what_was_not_costs_bits() {
    let sure = [u16::MAX];
    assert_eq!(check(&sure, &[(0, false); 400]), []);
    assert_eq!(check(&sure, &[(0, true)]).len(), 1 + 1);
    assert_eq!(check(&[1 << 15], &[(0, true); 2_000]).len(), 4);
}

#[test]
fn a_context_learns_what_is_decided_and_tells_its_cost() {
    let mut context = Context::EVEN;
    assert_eq!((context.cost(true), context.cost(false)), (1.0, 1.0));
    for _ in 0..1_000 {
        context.learn(true);
    }
    assert!(context.cost(true) < 0.02 && context.cost(false) > 6.0, "{context:?}");
    for _ in 0..1_000 {
        context.learn(false);
    }
    assert!(context.cost(false) < 0.02 && context.cost(true) > 6.0, "{context:?}");
    assert_eq!(Context::new(0).cost(false), 11.0);
    assert_eq!(Context::new(u16::MAX).cost(true), 11.0);
}

#[test]
fn carries_go_through_bytes_that_are_full() {
    // The interval stays around the middle of all, until the last decision says on which side.
    for last in [false, true] {
        let mut decisions = vec![(0, true); 1];
        decisions.resize(500, (0, false));
        decisions[0].1 = false;
        decisions[1..499].fill((0, true));
        decisions[499].1 = last;
        check(&[1 << 15], &decisions);
        check(&[(1 << 15) - 1, 3], &decisions);
    }
}

#[test]
fn bytes_that_no_encoder_writes_are_refused() {
    let decisions = [(0, true), (0, false), (0, true)];
    let start = [1 << 15];
    let bytes = check(&start, &decisions);
    let refused = |bytes: &[u8]| decode(&start, &decisions, bytes) == Err(CorruptError);
    assert!(refused(&[&bytes[..], &[0]].concat()), "a zero that could be cut");
    assert!(refused(&[&bytes[..], &[1; 9]].concat()), "more than was read");
    assert!(refused(&[0xFF; 4]), "beyond every interval");
}

proptest! {
    #[test]
    fn any_decisions_in_any_contexts_come_back(
        start in vec(any::<u16>(), 4),
        decisions in vec((0..4_usize, prop::bool::weighted(0.2)), 0..2_000),
    ) {
        check(&start, &decisions);
    }

    #[test]
    fn any_numbers_come_back(numbers in vec((any::<u32>(), 0..=32_u32), 0..100)) {
        let mut out = b"before".to_vec();
        let mut encoder = Encoder::new(&mut out);
        numbers.iter().for_each(|&(value, count)| encoder.bits(value, count));
        encoder.finish();
        let bytes = out.strip_prefix(b"before").expect("what was there stays");
        let mut decoder = Decoder::new(bytes);
        for &(value, count) in &numbers {
            let kept = u64::from(value) & ((1 << count) - 1);
            prop_assert_eq!(u64::from(decoder.bits(count)), kept);
        }
        prop_assert_eq!(decoder.finish(), Ok(()));
    }

    #[test]
    fn any_bytes_decode_to_something(
        start in vec(any::<u16>(), 4),
        bytes in vec(any::<u8>(), 0..50),
        places in vec(0..4_usize, 0..500),
    ) {
        let decisions: Vec<Decision> = places.into_iter().map(|at| (at, false)).collect();
        let Ok(read) = decode(&start, &decisions, &bytes) else { return Ok(()) };
        let again: Vec<Decision> =
            decisions.iter().zip(read).map(|(&(at, _), yes)| (at, yes)).collect();
        prop_assert!(encode(&start, &again).len() <= bytes.len(), "no shorter than needed");
    }
}
