//! The session as JavaScript drives it, without JavaScript.

use sotto_codec::{MediaError, Registry, RegistryError};
use sotto_frame::{BundleError, BundleWriter, Entry, PluginId, WriteError};

use crate::{Failure, Session, media::Layout};

fn session() -> Session {
    Session::new(Registry::standard())
}

fn words(session: &Session) -> Vec<u32> {
    let (words, _) = session.output.as_chunks::<4>();
    words.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

#[test]
fn a_bundle_is_listed_entry_by_entry() {
    let mut session = session();
    let face = Entry { plugin: PluginId::FACE, epoch: 5, activity: None, payload: &[7, 8] };
    let voice = Entry { plugin: PluginId::VOICE, payload: &[], ..face };
    let mut bundle = Vec::new();
    let mut writer = BundleWriter::begin(&mut bundle);
    writer.push_block(300, 70, [face]).expect("a block that fits");
    writer.push_block(1, 80, [voice, face]).expect("a block that fits");
    session.bytes_to_write(0, bundle.len() as u32).copy_from_slice(&bundle);
    assert_eq!(session.parse_bundle(), Ok(3));
    let expected = [300, 9, 5, 70, 7, 2, 1, 1, 5, 80, 14, 0, 1, 9, 5, 80, 16, 2];
    assert_eq!(words(&session), expected);
    session.bytes_to_write(0, 3);
    let cut = session.parse_bundle();
    assert_eq!(cut, Err(Failure::Bundle(BundleError::Truncated)));
    assert_eq!(session.settle(cut), -1);
    assert_eq!(session.output, b"bundle ends early");
}

#[test]
fn a_packet_is_written_of_records_and_read_again() {
    let mut session = session();
    let records = [
        &[0, 0, 0, 1, 0, 1, 2, 1, 0x14, 0, 2, 7, 8][..], // voice at 256 ms
        &[0, 0, 0, 1, 0, 9, 3, 0, 0, 0, 1, 9],           // face
        &[1, 0, 0, 0, 176, 9, 3, 0, 0, 0, 0],            // 80 ms older
    ];
    let records = records.concat();
    session.bytes_to_write(0, records.len() as u32).copy_from_slice(&records);
    assert_eq!(session.write_packet(true), Ok(5 + 5 + 3 + 4));
    let packet = session.output.clone();
    session.bytes_to_write(0, packet.len() as u32).copy_from_slice(&packet);
    assert_eq!(session.parse_packet(), Ok(3));
    let expected =
        [&[1][..], &[0, 256, 10, 0x114, 8, 2], &[0, 256, 75, 0, 12, 1], &[1, 176, 75, 0, 17, 0]];
    assert_eq!(words(&session), expected.concat());
    session.bytes_to_write(0, 0);
    assert_eq!(session.write_packet(false), Err(Failure::Write(WriteError::NoEntries)));
    session.bytes_to_write(0, 5);
    assert_eq!(session.write_packet(false), Err(Failure::Argument));
}

#[test]
fn sound_of_one_payload_is_extended() {
    let mut session = session();
    let extension = session.extension(PluginId::VOICE.get().into()).expect("voices are sound");
    assert_eq!(session.extension_delay(extension), Ok(13));
    session.samples_to_write(0, 1279);
    assert_eq!(session.extend(extension), Err(Failure::Media(MediaError::Amount)));
    session.samples_to_write(0, 1280).fill(0.25);
    assert_eq!(session.extend(extension), Ok(0));
    assert_eq!(session.sound.len(), 3840);
    assert!(session.sound.iter().all(|sample| sample.abs() <= 1.0));
    assert_eq!(session.restart(extension), Ok(0));
    assert_eq!(session.conceal(extension, 10), Err(Failure::Handle));
    let unknown = PluginId::new(2).expect("below 16");
    let refused = Failure::Registry(RegistryError::Unknown(unknown));
    assert_eq!(session.extension(2), Err(refused));
}

#[test]
fn handles_are_of_one_kind_and_good_until_dropped() {
    let mut session = session();
    let unknown = PluginId::new(2).expect("below 16");
    let refused = Failure::Registry(RegistryError::Unknown(unknown));
    assert_eq!(session.learner(2), Err(refused));
    assert_eq!(session.drop_object(0), Err(Failure::Handle));
    assert_eq!(session.flush(7), Err(Failure::Handle));
    assert_eq!(session.restart_encoder(7), Err(Failure::Handle));
    let layout = Layout { width: 5000, height: 1, format: 0 };
    assert_eq!(session.learn_picture(0, layout), Err(Failure::Handle));
    assert_eq!(session.learn_missed(0, layout), Err(Failure::Handle));
    assert_eq!(session.draw(0, 0, 5000, 1), Err(Failure::Media(MediaError::Size)));
    assert_eq!(session.scene(0, 0, 5000), Err(Failure::Media(MediaError::Size)));
    assert_eq!(session.scene(0, 0, 500), Err(Failure::Handle));
    assert_eq!(session.scene_source(0, 0, 0), Err(Failure::Handle));
}
