//! Voices.

use sotto_codec::Registry;
use sotto_core::media::Codec;
use sotto_frame::{Container, Epoch, PluginId};
use sotto_server::{config::LearnConfig, learn::Report};

use crate::{
    pool::{Pool, config, in_processes, job},
    speaker,
};

/// Somebody talks for half a minute, and there is a model that the codec can use.
fn check(config: &LearnConfig) {
    let pool = Pool::start(config);
    let job = job(1, Codec::Opus);
    let mut tap = pool.begin(job);
    let packets = speaker::packets(30);
    let said_once = |round| if round == 0 { packets.clone() } else { Vec::new() };
    let (report, progress) = pool.feed(&mut tap, said_once);
    let Report::Model { container, epoch } = report else { panic!("{report:?}") };
    assert_eq!(epoch, Epoch(5), "the first epoch that was asked for");
    let parsed = Container::parse(&container).unwrap();
    assert_eq!((parsed.plugin, parsed.epoch), (PluginId::VOICE, Epoch(5)));
    assert!(Registry::standard().model(&parsed).is_ok(), "a model that can be used");
    assert!(
        progress.is_sorted() && progress.last().is_some_and(|last| *last >= 0.5),
        "{progress:?}"
    );
    let stats = pool.learners.stats();
    assert_eq!((stats.running, stats.waiting, stats.models, stats.failed), (1, 0, 1, 0));
}

#[test]
fn a_voice_is_learned_in_a_thread() {
    check(&config());
}

#[test]
fn a_voice_is_learned_in_a_process_of_its_own() {
    check(&in_processes());
}
