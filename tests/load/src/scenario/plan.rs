//! Who comes, in which order, and what everybody does.

use std::path::Path;

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use sotto_core::signal::Source;
use sotto_tests::media::{Clip, ClipError, make};

use super::args::{AudioArgs, Common, MeetArgs, StormArgs, WebinarArgs};
use crate::{
    entrance::Guest,
    fleet::{Reel, Turns},
};

/// Bits a second of a voice that no encoder made.
const VOICE_BITRATE: u32 = 24_000;
/// Pictures a second of a camera.
const FRAME_RATE: u32 = 25;

/// What microphones and cameras send.
#[derive(Clone, Debug)]
pub struct Reels {
    /// Of microphones.
    pub voice: Reel,
    /// Of cameras.
    pub picture: Reel,
}

impl Reels {
    /// What the command line names.
    ///
    /// # Errors
    /// A file cannot be read, or ffmpeg fails on it.
    pub fn of(common: &Common) -> Result<Self, ClipError> {
        let voice = match &common.audio {
            Some(file) if has_extension(file, &["ogg", "opus"]) => Reel::of(&Clip::audio(file)?),
            Some(file) => {
                let made = make::cache()?.join("sotto-load-voice.ogg");
                make::raw_voice(file, &made)?;
                Reel::of(&Clip::audio(&made)?)
            }
            None => Reel::voice(VOICE_BITRATE),
        };
        let picture = match &common.video {
            Some(file) if has_extension(file, &["ivf"]) => Reel::of(&Clip::video(file)?),
            Some(file) => {
                let made = make::cache()?.join("sotto-load-picture.ivf");
                make::raw_picture(file, FRAME_RATE, &made)?;
                Reel::of(&Clip::video(&made)?)
            }
            None => Reel::picture(common.video_bitrate, FRAME_RATE),
        };
        Ok(Self { voice, picture })
    }
}

fn has_extension(file: &Path, wanted: &[&str]) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| wanted.contains(&extension))
}

/// The people of a run, in the order in which they come.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is called in figures.
    pub scenario: &'static str,
    /// The people.
    pub guests: Vec<Guest>,
}

impl Plan {
    /// Rooms of people who all see and hear each other.
    pub fn meet(args: &MeetArgs, reels: &Reels) -> Self {
        let mut cast = Cast::new(&args.common, reels);
        let mut guests = Vec::new();
        for number in 0..args.rooms {
            for person in 0..args.participants {
                let mut guest = cast.guest(number, guests.len());
                let turns = cast.turns(person, args.participants, args.talkers);
                cast.microphone(&mut guest, turns);
                if f64::from(person) < args.cameras.clamp(0.0, 1.0) * f64::from(args.participants) {
                    cast.camera(&mut guest);
                }
                guest.audio_slots = args.talkers.clamp(1, 3) as u16;
                guest.video_slots = args.layout.slots().min(args.participants.max(2) as u16 - 1);
                guest.awaits_media = person > 0;
                guests.push(guest);
            }
        }
        Self { scenario: "meet", guests }
    }

    /// Some who send, many who watch.
    pub fn webinar(args: &WebinarArgs, reels: &Reels) -> Self {
        let mut cast = Cast::new(&args.common, reels);
        let (seen, heard) = (args.video_publishers, args.audio_publishers);
        let mut guests = Vec::new();
        for person in 0..seen.max(heard) {
            let mut guest = cast.guest(0, guests.len());
            if person < heard {
                cast.microphone(&mut guest, Turns::ALONE);
            }
            if person < seen {
                cast.camera(&mut guest);
            }
            guests.push(guest);
        }
        for _ in 0..args.subscribers {
            let mut guest = cast.guest(0, guests.len());
            guest.audio_slots = heard as u16;
            guest.video_slots = seen as u16;
            guest.awaits_media = seen + heard > 0;
            guests.push(guest);
        }
        Self { scenario: "webinar", guests }
    }

    /// One room of voices.
    pub fn audio(args: &AudioArgs, reels: &Reels) -> Self {
        let mut cast = Cast::new(&args.common, reels);
        let guest = |person| {
            let mut guest = cast.guest(0, person as usize);
            let turns = cast.turns(person, args.participants, args.talkers);
            cast.microphone(&mut guest, turns);
            guest.audio_slots = args.audio_slots;
            // Who comes into a room in which those whose turn it is are still missing waits for them.
            guest.awaits_media = false;
            guest
        };
        Self { scenario: "audio", guests: (0..args.participants).map(guest).collect() }
    }

    /// People with their microphone on, room after room; one of each talks, the others send silence now
    /// and then: it is the joining that is looked at.
    pub fn storm(args: &StormArgs, reels: &Reels) -> Self {
        let mut cast = Cast::new(&args.common, reels);
        let of_a_room = args.participants.max(2);
        let guest = |i| {
            let mut guest = cast.guest(i / of_a_room, i as usize);
            let turns = Turns { dtx: true, ..cast.turns(i % of_a_room, of_a_room, 1) };
            cast.microphone(&mut guest, turns);
            guest.audio_slots = 3;
            guest
        };
        Self { scenario: "join-storm", guests: (0..args.arrivals).map(guest).collect() }
    }
}

/// Makes guests.
struct Cast<'a> {
    common: &'a Common,
    reels: &'a Reels,
    random: SmallRng,
}

impl<'a> Cast<'a> {
    fn new(common: &'a Common, reels: &'a Reels) -> Self {
        Self { common, reels, random: SmallRng::seed_from_u64(common.seed) }
    }

    fn guest(&self, number: u32, person: usize) -> Guest {
        Guest {
            room: format!("load-{number}"),
            number,
            name: format!("load-{person}"),
            sends: Vec::new(),
            audio_slots: 0,
            video_slots: 0,
            feedback: self.common.feedback(),
            awaits_media: false,
        }
    }

    fn turns(&self, person: u32, people: u32, talkers: u32) -> Turns {
        Turns { person, people, talkers, dtx: self.common.dtx, ..Turns::ALONE }
    }

    fn microphone(&mut self, guest: &mut Guest, turns: Turns) {
        let phase = self.random.random_range(0.0..1.0);
        guest.sends.push((Source::Microphone, self.reels.voice.clone(), turns, phase));
    }

    fn camera(&mut self, guest: &mut Guest) {
        let phase = self.random.random_range(0.0..1.0);
        guest.sends.push((Source::Camera, self.reels.picture.clone(), Turns::ALONE, phase));
    }
}

/// A guest of a churning crowd: seen and heard by those of his room.
pub(super) fn passer_by(common: &Common, reels: &Reels, number: u32, person: usize) -> Guest {
    let mut cast = Cast::new(common, reels);
    let mut guest = cast.guest(number, person);
    cast.microphone(&mut guest, Turns::ALONE);
    guest.audio_slots = 2;
    guest
}
