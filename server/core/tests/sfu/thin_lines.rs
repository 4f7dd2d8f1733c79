//! Voices, and the models that are to replace them, on lines that do not carry every voice.

use std::{collections::BTreeSet, time::Duration};

use sotto_core::{
    SfuConfig,
    id::{Mid, PeerId},
    signal::{
        AudioDemand, ClientMessage, Decoding, FetchModel, FormSwitched, GenericModel, ModelEpoch,
        ModelTransport, Policy, QualityLimit, ServerMessage, SlotQuality, Source, SourceDemand,
    },
};
use sotto_frame::PluginId;

use crate::{
    call::{Call, model_offer, support},
    media::Sender,
    world::{World, everything},
};

const VOICE: Source = Source::Microphone;

/// Those who speak, by place; the one behind them listens.
const SPEAKERS: usize = 4;
const LISTENER: usize = SPEAKERS;

/// A packet of a microphone.
const STEP_MS: u64 = 20;

/// What goes around the payload of a packet of a voice: IPv4, UDP, RTP with its extension and a CSRC,
/// and the tag of the cipher.
const HEADERS: usize = 68;

/// What a fetch takes more than the bytes of its model, in per mille: TCP and IPv4.
const TCP: u64 = 1_040;

/// Levels of everybody in -dBov at a time in milliseconds; 127 is silence.
type Talk = fn(u64) -> [u8; SPEAKERS];

const ALL: Talk = |_| [20, 30, 30, 30];

/// Four who speak, and one who hears them over a line of his own.
struct Thin {
    call: Call,
    kbps: u64,
    /// Whether microphones are coded as they are asked for.
    obeys: bool,
    demands: [Option<AudioDemand>; SPEAKERS],
    model_demands: [Option<SourceDemand>; SPEAKERS],
    ms: u64,
    /// What the line has still to carry, in bits.
    queue: u64,
    /// By second: packets of each voice, bits of media, and bits of models.
    seconds: Vec<([u64; SPEAKERS], u64, u64)>,
    fetching: Option<Fetching>,
    /// What came, and after how many milliseconds.
    fetched: Vec<(FetchModel, u64)>,
    /// What the listener was told of its audio slots, and after how many milliseconds.
    qualities: Vec<(u64, SlotQuality)>,
    /// The slots of which it was told that they are held back.
    held: BTreeSet<Mid>,
    /// How many of its forms changed, and after how many milliseconds.
    forms: Vec<u64>,
}

/// A model on its way to the listener.
struct Fetching {
    fetch: FetchModel,
    /// Bits that its rate has allowed and that the line had no room for yet.
    granted: u64,
    /// Bits that are still to come.
    rest: u64,
}

impl Thin {
    fn new(policy: Policy, obeys: bool) -> Self {
        let config = SfuConfig { model_policy: policy, ..SfuConfig::default() };
        let mut call = Call { world: World::new(config), seqs: Vec::new(), people: Vec::new() };
        for who in 0..=SPEAKERS {
            let name = who.to_string();
            let peer = call.world.join_with("blue", &name, everything(), model_offer());
            call.world.say(peer, support(Decoding::Yes, ModelTransport::Rtp));
            if who < SPEAKERS {
                call.world.publish(peer, VOICE);
            }
            call.join(peer);
        }
        Self {
            call,
            kbps: 0,
            obeys,
            demands: [None; SPEAKERS],
            model_demands: [None; SPEAKERS],
            ms: 0,
            queue: 0,
            seconds: Vec::new(),
            fetching: None,
            fetched: Vec::new(),
            qualities: Vec::new(),
            held: BTreeSet::new(),
            forms: Vec::new(),
        }
    }

    fn line(&mut self, kbps: u64) {
        self.kbps = kbps;
        self.call.world.estimate(self.listener(), kbps);
    }

    fn listener(&self) -> PeerId {
        self.call.people[LISTENER]
    }

    fn run(&mut self, seconds: u64, talk: Talk) {
        for _ in 0..seconds * 1_000 / STEP_MS {
            if self.ms.is_multiple_of(1_000) {
                self.seconds.push(([0; SPEAKERS], 0, 0));
            }
            let levels = talk(self.ms);
            for (who, level) in levels.into_iter().enumerate() {
                self.speak(who, level);
            }
            self.call.world.pass(Duration::from_millis(STEP_MS));
            self.ms += STEP_MS;
            self.listen();
            for who in 0..SPEAKERS {
                for message in self.call.world.heard(self.call.people[who]) {
                    match message {
                        ServerMessage::Demand { audio, .. } => self.demands[who] = audio,
                        ServerMessage::ModelDemand(demand) => {
                            self.model_demands[who] = demand.sources.first().copied();
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// One step of somebody's microphone, and of his model stream.
    fn speak(&mut self, who: usize, level: u8) {
        let step = self.ms / STEP_MS;
        let low = self.demands[who].filter(|demand| self.obeys && demand.max_bitrate.is_some());
        let is_due = match low {
            None => true,
            Some(_) if level == 127 => step.is_multiple_of(20),
            Some(_) => step.is_multiple_of(3),
        };
        let size = if low.is_some() { 75 } else { 32 };
        let is_active = self.demands[who].is_none_or(|demand| demand.active);
        if is_due && is_active {
            let change = |sender: &mut Sender| {
                (sender.level, sender.size) = (level, size);
            };
            self.call.world.send_with(self.call.people[who], VOICE, change).unwrap();
        }
        if let Some(demand) = self.model_demands[who].filter(|demand| demand.active)
            && step.is_multiple_of(4)
        {
            let bytes = self.call.packet(who, demand.epoch as u8, &[who as u8; 26], &[]);
            self.call.world.arrive(self.call.people[who], bytes).unwrap();
        }
    }

    /// What came to the listener in one step.
    fn listen(&mut self) {
        let listener = self.listener();
        let client = self.call.world.client(listener);
        let media = std::mem::take(&mut client.media);
        let bundles = std::mem::take(&mut client.bundles);
        let mut bits: usize = bundles.iter().map(|(_, _, bytes)| (bytes.len() + HEADERS) * 8).sum();
        let (packets, ..) = self.seconds.last_mut().unwrap();
        for got in media {
            let who = self.call.people.iter().position(|&peer| peer == got.stamp.peer).unwrap();
            packets[who] += 1;
            let sender = self.call.world.client(got.stamp.peer).encoders(VOICE)[0].size;
            bits += (sender + HEADERS) * 8;
        }
        let room = self.kbps * STEP_MS;
        self.queue += bits as u64;
        let left = room.saturating_sub(self.queue);
        self.queue = self.queue.saturating_sub(room);
        let mut of_model = 0;
        if let Some(fetching) = &mut self.fetching {
            fetching.granted += fetching.fetch.bitrate * STEP_MS / 1_000;
            of_model = left.min(fetching.granted).min(fetching.rest);
            fetching.granted -= of_model;
            fetching.rest -= of_model;
        }
        let (_, of_media, of_models) = self.seconds.last_mut().unwrap();
        *of_media += bits as u64;
        *of_models += of_model;
        for message in self.call.world.heard(listener) {
            self.take(message);
        }
        for (hash, bitrate) in self.call.world.client(listener).model_rates.drain(..) {
            let fetch = &mut self.fetching.as_mut().expect("it is fetched").fetch;
            assert_eq!(fetch.hash, hash);
            fetch.bitrate = bitrate;
        }
        if let Some(Fetching { fetch, .. }) = self.fetching.take_if(|fetching| fetching.rest == 0) {
            let FetchModel { participant, source, epoch, .. } = fetch;
            self.fetched.push((fetch, self.ms));
            let held = ModelEpoch { participant, source, epoch };
            self.call.world.say(listener, ClientMessage::ModelHeld(held));
        }
    }

    fn take(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::FetchModel(fetch) => {
                let rest = u64::from(fetch.bytes) * 8 * TCP / 1_000;
                self.fetching = Some(Fetching { fetch: *fetch, granted: 0, rest });
            }
            ServerMessage::Slots { slots } => {
                let emptied =
                    |&mid: &Mid| slots.iter().any(|slot| slot.mid == mid && slot.content.is_none());
                self.held.retain(|mid| !emptied(mid));
            }
            ServerMessage::Quality { slots } => {
                for slot in slots.into_iter().filter(|slot| slot.mid.as_str().starts_with('a')) {
                    let is_held = slot.layer.is_none();
                    assert_eq!(slot.limit, is_held.then_some(QualityLimit::Bandwidth));
                    if is_held {
                        assert!(self.held.insert(slot.mid), "it was told already: {slot:?}");
                    } else {
                        assert!(self.held.remove(&slot.mid), "nobody waits for it: {slot:?}");
                    }
                    self.qualities.push((self.ms, slot));
                }
            }
            ServerMessage::Forms { forms } => {
                for form in forms {
                    self.forms.push(self.ms);
                    let (participant, source) = (form.participant, form.source);
                    if form.overlap {
                        let switched = FormSwitched { participant, source, form: form.form };
                        let said = ClientMessage::Switched(switched);
                        self.call.world.say(self.listener(), said);
                    }
                }
            }
            _ => {}
        }
    }

    /// How many voices are held back, as the listener was told last.
    fn held_back(&self) -> usize {
        self.held.len()
    }

    /// Voices of which at least nine tenths came in a second, with `packets` of all.
    fn heard(&self, second: usize, packets: u64) -> usize {
        self.seconds[second].0.iter().filter(|&&count| count * 10 >= packets * 9).count()
    }

    /// The most bits of media in a second from one on.
    fn most(&self, from: usize) -> u64 {
        self.seconds[from..].iter().map(|(_, media, _)| *media).max().unwrap()
    }
}

#[test]
fn voices_that_cannot_be_cheaper_leave_room_on_a_thin_line_and_the_loudest_is_always_there() {
    let mut thin = Thin::new(Policy::Balanced, false);
    thin.run(1, ALL);
    thin.line(64);
    thin.run(40, ALL);
    assert!(thin.most(2) <= 60_000, "{:?}", thin.seconds);
    let loudest = thin.seconds[2..].iter().map(|(packets, ..)| packets[0]);
    assert_eq!(loudest.min(), Some(50));
    assert!((2..41).all(|second| thin.heard(second, 50) == 1), "{:?}", thin.seconds);
    assert_eq!(thin.held_back(), 3);
    assert_eq!(thin.qualities.len(), 3, "nothing comes and goes: {:?}", thin.qualities);
}

#[test]
fn a_model_that_waits_comes_over_a_line_that_raw_voices_alone_would_fill() {
    let mut thin = Thin::new(Policy::Balanced, false);
    thin.run(1, ALL);
    thin.line(64);
    thin.run(5, ALL);
    let before = thin.ms;
    for who in 1..SPEAKERS {
        thin.call.upload(who, PluginId::VOICE, who as u32);
    }
    thin.run(60, ALL);
    let times: Vec<u64> = thin.fetched.iter().map(|(_, at)| (at - before) / 1_000).collect();
    assert!(matches!(times[..], [first, second, _] if first <= 15 && second <= 40), "{times:?}");
    assert!(thin.most(2) <= 60_000, "{:?}", thin.seconds);
    let loudest = thin.seconds[2..].iter().map(|(packets, ..)| packets[0]);
    assert_eq!(loudest.min(), Some(50));
    assert!(thin.held_back() == 0, "all others are in model form: {:?}", thin.qualities);
}

#[test]
fn what_is_fetched_follows_the_line() {
    let mut thin = Thin::new(Policy::Balanced, false);
    thin.line(300);
    thin.run(1, ALL);
    thin.call.upload(1, PluginId::VOICE, 1);
    thin.run(1, ALL);
    let rate = |thin: &Thin| thin.fetching.as_ref().unwrap().fetch.bitrate;
    assert_eq!(rate(&thin), 75_000);
    thin.line(64);
    thin.run(1, ALL);
    assert_eq!(rate(&thin), 16_000);
    assert!(thin.seconds[3..].iter().all(|(.., models)| *models <= 16_000), "{:?}", thin.seconds);
    thin.line(1_000);
    thin.run(4, ALL);
    assert_eq!(thin.fetched.len(), 1, "{:?}", thin.seconds);
}

#[test]
fn on_a_very_thin_line_models_come_slowly_and_a_voice_is_there() {
    let mut thin = Thin::new(Policy::Balanced, true);
    thin.run(1, ALL);
    thin.line(32);
    thin.run(5, ALL);
    let before = thin.ms;
    thin.call.upload(1, PluginId::VOICE, 1);
    thin.run(40, ALL);
    let times: Vec<u64> = thin.fetched.iter().map(|(_, at)| (at - before) / 1_000).collect();
    assert!(matches!(times[..], [time] if time <= 25), "{times:?}");
    assert!(thin.most(8) <= 30_000, "{:?}", thin.seconds);
}

#[test]
fn voices_are_asked_for_cheaper_within_moments_and_more_of_them_are_heard_then() {
    let mut thin = Thin::new(Policy::Balanced, true);
    thin.run(1, ALL);
    thin.line(64);
    thin.run(2, ALL);
    let low = |demand: &Option<AudioDemand>| demand.is_some_and(|d| d.max_bitrate.is_some());
    assert!(thin.demands.iter().all(low), "{:?}", thin.demands);
    thin.run(20, ALL);
    let heard: Vec<usize> = (12..23).map(|second| thin.heard(second, 16)).collect();
    assert!(heard.iter().all(|&heard| heard >= 2), "{heard:?}");
    assert!(thin.most(4) <= 62_000, "{:?}", thin.seconds);
}

#[test]
fn on_a_free_line_everybody_is_heard_and_nothing_is_said_of_it() {
    let mut thin = Thin::new(Policy::Balanced, true);
    thin.run(1, ALL);
    thin.line(1_000);
    thin.run(20, ALL);
    assert!((0..21).all(|second| thin.heard(second, 50) == SPEAKERS), "{:?}", thin.seconds);
    assert_eq!((thin.qualities, thin.demands), (Vec::new(), [None; SPEAKERS]));
}

#[test]
fn who_speaks_takes_the_place_of_who_does_not_at_once_and_is_not_cut_off() {
    /// One after the other, for three seconds each, and half a second of silence between them.
    const IN_TURN: Talk = |ms| {
        let mut levels = [127; SPEAKERS];
        if ms % 3_500 < 3_000 {
            levels[(ms / 3_500) as usize % SPEAKERS] = 25;
        }
        levels
    };
    let mut thin = Thin::new(Policy::Balanced, false);
    thin.run(1, ALL);
    thin.line(64);
    thin.run(2, ALL);
    let begin = thin.ms.next_multiple_of(14_000);
    thin.run((begin - thin.ms) / 1_000, IN_TURN);
    let heard_before = thin.seconds.len();
    let changes = thin.qualities.len();
    thin.run(42, IN_TURN);
    let total: u64 =
        thin.seconds[heard_before..].iter().map(|(packets, ..)| packets.iter().sum::<u64>()).sum();
    assert_eq!(total, 42 * 50, "one voice at every time");
    let share = |who: usize| {
        thin.seconds[heard_before..].iter().map(|(packets, ..)| packets[who]).sum::<u64>()
    };
    for who in 0..SPEAKERS {
        // Of 525 packets each while it is his turn and after it.
        assert!((500..=550).contains(&share(who)), "{who}: {}", share(who));
    }
    assert_eq!(thin.qualities.len() - changes, 2 * 12, "one goes and one comes a turn");
}

#[test]
fn a_line_that_swings_adds_and_holds_back_voices_rarely() {
    let mut thin = Thin::new(Policy::Balanced, true);
    thin.run(1, ALL);
    thin.line(64);
    thin.run(15, ALL);
    let before = thin.qualities.len();
    for swing in 0..60 {
        thin.line(if swing % 2 == 0 { 90 } else { 60 });
        thin.run(1, ALL);
    }
    let changes = thin.qualities.len() - before;
    assert!((2..=12).contains(&changes), "{changes}: {:?}", &thin.qualities[before..]);
}

#[test]
fn voices_that_were_held_back_come_back_when_the_line_carries_them() {
    let mut thin = Thin::new(Policy::Balanced, false);
    thin.run(1, ALL);
    thin.line(64);
    thin.run(10, ALL);
    assert_eq!(thin.held_back(), 3);
    thin.line(1_000);
    thin.run(4, ALL);
    assert_eq!(thin.held_back(), 0);
    assert_eq!(thin.heard(14, 50), SPEAKERS);
}

#[test]
fn voices_that_find_no_place_raw_stay_in_model_form() {
    let mut thin = Thin::new(Policy::Quality, false);
    thin.run(1, ALL);
    thin.line(150);
    for who in 0..SPEAKERS {
        thin.call.upload(who, PluginId::VOICE, 1 + who as u32);
    }
    thin.run(60, ALL);
    let late = thin.forms.iter().filter(|&&at| at > 30_000).count();
    assert_eq!(late, 0, "{:?}", thin.forms);
    assert!(thin.held_back() == 0, "{:?}", thin.qualities);
    assert!(thin.most(5) <= 150_000, "{:?}", thin.seconds);
}

#[test]
fn on_a_line_below_60_kbits_the_generic_model_comes_first_and_nobody_is_held_back() {
    let mut thin = Thin::new(Policy::Frugal, false);
    for who in 0..SPEAKERS {
        let generic = Some(GenericModel { plugin: PluginId::VOICE.get(), version: 1 });
        let agreed = ClientMessage::Consent { source: VOICE, granted: true, generic };
        thin.call.world.say(thin.call.people[who], agreed);
    }
    thin.run(1, ALL);
    thin.line(50);
    thin.run(20, ALL);
    assert!(thin.most(6) <= 40_000, "{:?}", thin.seconds);
    assert_eq!(thin.seconds[15].0, [0; SPEAKERS], "{:?}", thin.seconds);
    assert!(thin.held_back() == 0, "{:?}", thin.qualities);
}
