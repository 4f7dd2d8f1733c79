use super::ms;
use crate::forward::KeyframeRequests;

/// Steps a request machine in ms: `true` where a request goes out.
fn asked(requests: &mut KeyframeRequests, at: impl IntoIterator<Item = u64>) -> Vec<u64> {
    at.into_iter().filter(|&at| requests.handle_timeout(ms(at))).collect()
}

#[test]
fn nobody_who_wants_one_means_no_request() {
    let mut requests = KeyframeRequests::new();
    assert_eq!(requests.poll_timeout(), None);
    assert!(!requests.handle_timeout(ms(0)));
}

#[test]
fn a_storm_of_wishes_is_one_request_each_half_second_until_a_keyframe_comes() {
    let mut requests = KeyframeRequests::new();
    let mut out = Vec::new();
    for at in (0..1200).step_by(10) {
        requests.want();
        out.extend(asked(&mut requests, [at]));
    }
    assert_eq!(out, [0, 500, 1000]);
    requests.keyframe(ms(1200));
    assert_eq!(requests.poll_timeout(), None);
}

#[test]
fn the_first_wish_is_due_at_once() {
    let mut requests = KeyframeRequests::new();
    requests.want();
    assert!(requests.poll_timeout().unwrap() <= ms(0));
}

#[test]
fn an_unanswered_request_is_repeated() {
    let mut requests = KeyframeRequests::new();
    requests.want();
    assert_eq!(asked(&mut requests, (0..1600).step_by(100)), [0, 500, 1000, 1500]);
    assert_eq!(requests.poll_timeout(), Some(ms(2000)));
}

#[test]
fn a_wish_right_after_a_keyframe_waits_for_its_turn() {
    let mut requests = KeyframeRequests::new();
    requests.want();
    assert!(requests.handle_timeout(ms(0)));
    requests.keyframe(ms(100));
    requests.want();
    assert_eq!(requests.poll_timeout(), Some(ms(500)));
}

#[test]
fn while_subscribers_keep_arriving_a_keyframe_is_asked_for_each_two_seconds() {
    let mut requests = KeyframeRequests::new();
    requests.keyframe(ms(0));
    let mut out = Vec::new();
    for at in (0..7000).step_by(100) {
        requests.join();
        if requests.handle_timeout(ms(at)) {
            out.push(at);
            requests.keyframe(ms(at + 50));
        }
    }
    assert_eq!(out, [2000, 4100, 6200]);
    assert_eq!(requests.poll_timeout(), Some(ms(8250)), "the last one that came is served");
    assert!(requests.handle_timeout(ms(8250)));
    requests.keyframe(ms(8300));
    assert_eq!(requests.poll_timeout(), None, "nobody came after it");
}

#[test]
fn a_layer_that_everybody_left_is_not_asked() {
    let mut requests = KeyframeRequests::new();
    requests.want();
    requests.join();
    requests.cancel();
    assert_eq!(requests.poll_timeout(), None);
}
