//! Tracks in model form where things go wrong, or nothing else happens in the room.

use std::time::Duration;

use sotto_core::{SfuConfig, signal::Policy};
use sotto_frame::{Entry, MediaTime, PacketWriter, PluginId};

use crate::models::Call;

fn frugal() -> SfuConfig {
    SfuConfig { model_policy: Policy::Frugal, ..SfuConfig::default() }
}

#[test]
fn a_media_time_as_far_away_as_can_be_is_of_another_clock() {
    let mut call = Call::shown(frugal());
    call.frames(1);
    let now = (call.world.now.as_micros() / 1_000) as u32;
    for time in [now, now.wrapping_add(1 << 31), now.wrapping_add(1 << 31).wrapping_add(80)] {
        let mut payload = Vec::new();
        let mut writer = PacketWriter::begin(&mut payload, MediaTime(time), false);
        let entry = Entry { plugin: PluginId::FACE, epoch: 1, activity: None, payload: &[7] };
        writer.entry(&entry).unwrap();
        writer.finish().unwrap();
        let bytes = call.rtp(0, &payload);
        call.world.arrive(call.people[0], bytes).unwrap();
        call.world.pass(Duration::from_millis(100));
    }
    assert_eq!(call.frames(1).len(), 3);
}
