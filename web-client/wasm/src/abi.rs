//! The functions that JavaScript calls, each one line over [`Session`].

#![allow(unsafe_code, reason = "a symbol that is exported under its own name is declared unsafe")]

// # Safety
//
// No pointer is read or written here: addresses only go out, for JavaScript to read and write the
// buffers of the session, which live until the next call. The names begin with `sotto_`, so none
// stands in the way of another symbol.

use std::cell::RefCell;

use sotto_codec::Registry;

use crate::{Failure, Session, media::Layout, session::Object};

thread_local! {
    /// A module instance has one thread.
    static SESSION: RefCell<Session> = RefCell::new(Session::new(Registry::standard()));
}

fn call(run: impl FnOnce(&mut Session) -> Result<u32, Failure>) -> i32 {
    SESSION.with_borrow_mut(|session| {
        let result = run(session);
        session.settle(result)
    })
}

/// Where to write `len` bytes of argument `slot`, 0 or 1.
#[unsafe(no_mangle)]
extern "C" fn sotto_bytes(slot: u32, len: u32) -> *mut u8 {
    SESSION.with_borrow_mut(|session| session.bytes_to_write(slot, len).as_mut_ptr())
}

/// Where to write `len` samples of argument `slot`, 0 or 1.
#[unsafe(no_mangle)]
extern "C" fn sotto_samples(slot: u32, len: u32) -> *mut f32 {
    SESSION.with_borrow_mut(|session| session.samples_to_write(slot, len).as_mut_ptr())
}

/// Where the bytes of a result, or the text of an error, are.
#[unsafe(no_mangle)]
extern "C" fn sotto_output() -> *const u8 {
    SESSION.with_borrow(|session| session.output.as_ptr())
}

/// How many bytes these are.
#[unsafe(no_mangle)]
extern "C" fn sotto_output_len() -> usize {
    SESSION.with_borrow(|session| session.output.len())
}

/// Where the samples or scores of a result are.
#[unsafe(no_mangle)]
extern "C" fn sotto_sound() -> *const f32 {
    SESSION.with_borrow(|session| session.sound.as_ptr())
}

/// How many these are.
#[unsafe(no_mangle)]
extern "C" fn sotto_sound_len() -> usize {
    SESSION.with_borrow(|session| session.sound.len())
}

/// [`Session::plugins`]
#[unsafe(no_mangle)]
extern "C" fn sotto_plugins() -> i32 {
    call(|session| session.plugins())
}

/// [`Session::parse_bundle`]
#[unsafe(no_mangle)]
extern "C" fn sotto_parse_bundle() -> i32 {
    call(|session| session.parse_bundle())
}

/// [`Session::parse_packet`]
#[unsafe(no_mangle)]
extern "C" fn sotto_parse_packet() -> i32 {
    call(|session| session.parse_packet())
}

/// [`Session::write_packet`]
#[unsafe(no_mangle)]
extern "C" fn sotto_write_packet(encrypted: u32) -> i32 {
    call(|session| session.write_packet(encrypted != 0))
}

/// [`Session::parse_container`]
#[unsafe(no_mangle)]
extern "C" fn sotto_parse_container() -> i32 {
    call(|session| session.parse_container())
}

/// [`Session::write_container`]
#[unsafe(no_mangle)]
extern "C" fn sotto_write_container(
    plugin: u32,
    version: u32,
    epoch: u32,
    created_at_ms: u64,
) -> i32 {
    call(|session| session.write_container(plugin, version, epoch, created_at_ms))
}

/// [`Session::parse_delta`]
#[unsafe(no_mangle)]
extern "C" fn sotto_parse_delta() -> i32 {
    call(|session| session.parse_delta())
}

/// [`Session::apply_delta`]
#[unsafe(no_mangle)]
extern "C" fn sotto_apply_delta() -> i32 {
    call(|session| session.apply_delta())
}

/// [`Session::delta_between`]
#[unsafe(no_mangle)]
extern "C" fn sotto_delta_between() -> i32 {
    call(|session| session.delta_between())
}

/// [`Session::level`]
#[unsafe(no_mangle)]
extern "C" fn sotto_level() -> i32 {
    call(|session| session.level())
}

/// [`Session::learner`]
#[unsafe(no_mangle)]
extern "C" fn sotto_learner(plugin: u32) -> i32 {
    call(|session| session.learner(plugin))
}

/// [`Session::generic`]
#[unsafe(no_mangle)]
extern "C" fn sotto_generic(plugin: u32) -> i32 {
    call(|session| session.generic(plugin))
}

/// [`Session::extension`]
#[unsafe(no_mangle)]
extern "C" fn sotto_extension(plugin: u32) -> i32 {
    call(|session| session.extension(plugin))
}

/// [`Session::model`]
#[unsafe(no_mangle)]
extern "C" fn sotto_model() -> i32 {
    call(|session| session.model())
}

/// An encoder of a model.
#[unsafe(no_mangle)]
extern "C" fn sotto_encoder(model: u32) -> i32 {
    call(|session| session.of_model(model, |model| Object::Encoder(model.encoder())))
}

/// A decoder of a model.
#[unsafe(no_mangle)]
extern "C" fn sotto_decoder(model: u32) -> i32 {
    call(|session| session.of_model(model, |model| Object::Decoder(model.decoder())))
}

/// A gate of a model.
#[unsafe(no_mangle)]
extern "C" fn sotto_gate(model: u32) -> i32 {
    call(|session| session.of_model(model, |model| Object::Gate(model.gate())))
}

/// [`Session::drop_object`]
#[unsafe(no_mangle)]
extern "C" fn sotto_drop(handle: u32) -> i32 {
    call(|session| session.drop_object(handle))
}

/// [`Session::learn_sound`]
#[unsafe(no_mangle)]
extern "C" fn sotto_learn_sound(learner: u32, rate: u32) -> i32 {
    call(|session| session.learn_sound(learner, rate))
}

/// [`Session::learn_picture`]
#[unsafe(no_mangle)]
extern "C" fn sotto_learn_picture(learner: u32, width: u32, height: u32, format: u32) -> i32 {
    call(|session| session.learn_picture(learner, Layout { width, height, format }))
}

/// [`Session::learn_missed`]
#[unsafe(no_mangle)]
extern "C" fn sotto_learn_missed(learner: u32, width: u32, height: u32, format: u32) -> i32 {
    call(|session| session.learn_missed(learner, Layout { width, height, format }))
}

/// [`Session::learned`]
#[unsafe(no_mangle)]
extern "C" fn sotto_learned(learner: u32) -> i32 {
    call(|session| session.learned(learner))
}

/// [`Session::encode_sound`]
#[unsafe(no_mangle)]
extern "C" fn sotto_encode_sound(encoder: u32, rate: u32) -> i32 {
    call(|session| session.encode_sound(encoder, rate))
}

/// [`Session::encode_picture`]
#[unsafe(no_mangle)]
extern "C" fn sotto_encode_picture(
    encoder: u32,
    width: u32,
    height: u32,
    format: u32,
    offset_ms: u32,
) -> i32 {
    call(|session| session.encode_picture(encoder, Layout { width, height, format }, offset_ms))
}

/// [`Session::flush`]
#[unsafe(no_mangle)]
extern "C" fn sotto_flush(encoder: u32) -> i32 {
    call(|session| session.flush(encoder))
}

/// [`Session::restart_encoder`]
#[unsafe(no_mangle)]
extern "C" fn sotto_restart_encoder(encoder: u32) -> i32 {
    call(|session| session.restart_encoder(encoder))
}

/// [`Session::misses`]
#[unsafe(no_mangle)]
extern "C" fn sotto_misses(encoder: u32) -> i32 {
    call(|session| session.misses(encoder))
}

/// [`Session::decode_sound`]
#[unsafe(no_mangle)]
extern "C" fn sotto_decode_sound(decoder: u32) -> i32 {
    call(|session| session.decode_sound(decoder))
}

/// [`Session::decode_before`]
#[unsafe(no_mangle)]
extern "C" fn sotto_decode_before(decoder: u32) -> i32 {
    call(|session| session.decode_before(decoder))
}

/// [`Session::conceal`]
#[unsafe(no_mangle)]
extern "C" fn sotto_conceal(decoder: u32, samples: u32) -> i32 {
    call(|session| session.conceal(decoder, samples))
}

/// [`Session::prime`]
#[unsafe(no_mangle)]
extern "C" fn sotto_prime(decoder: u32) -> i32 {
    call(|session| session.prime(decoder))
}

/// [`Session::extension_delay`]
#[unsafe(no_mangle)]
extern "C" fn sotto_extension_delay(extension: u32) -> i32 {
    call(|session| session.extension_delay(extension))
}

/// [`Session::extend`]
#[unsafe(no_mangle)]
extern "C" fn sotto_extend(extension: u32) -> i32 {
    call(|session| session.extend(extension))
}

/// [`Session::restart`]
#[unsafe(no_mangle)]
extern "C" fn sotto_restart(extension: u32) -> i32 {
    call(|session| session.restart(extension))
}

/// [`Session::decode_picture`]
#[unsafe(no_mangle)]
extern "C" fn sotto_decode_picture(decoder: u32) -> i32 {
    call(|session| session.decode_picture(decoder))
}

/// [`Session::draw`]
#[unsafe(no_mangle)]
extern "C" fn sotto_draw(decoder: u32, frame: u32, width: u32, height: u32) -> i32 {
    call(|session| session.draw(decoder, frame, width, height))
}

/// [`Session::scene`]
#[unsafe(no_mangle)]
extern "C" fn sotto_scene(decoder: u32, frame: u32, width: u32) -> i32 {
    call(|session| session.scene(decoder, frame, width))
}

/// [`Session::scene_source`]
#[unsafe(no_mangle)]
extern "C" fn sotto_scene_source(decoder: u32, source: u32, level: u32) -> i32 {
    call(|session| session.scene_source(decoder, source, level))
}

/// [`Session::observe_sound`]
#[unsafe(no_mangle)]
extern "C" fn sotto_observe_sound(gate: u32, rate: u32) -> i32 {
    call(|session| session.observe_sound(gate, rate))
}

/// [`Session::observe_picture`]
#[unsafe(no_mangle)]
extern "C" fn sotto_observe_picture(gate: u32, width: u32, height: u32, format: u32) -> i32 {
    call(|session| session.observe_picture(gate, Layout { width, height, format }))
}
