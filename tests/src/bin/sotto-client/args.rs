//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::Parser;
use sotto_core::signal::Source;
use sotto_tests::{
    client::{
        Listen, Loss, Media, Options, Publish, Repair, dev_token,
        models::{ModelOptions, ModelPublish},
    },
    media::{Clip, make},
};

/// A participant without a browser. Writes JSON lines; reads `mute`, `unmute`, `view {json}`,
/// `chat text` and `leave` on standard input.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Args {
    /// The websocket of the node, `ws://…/v1/signal`.
    #[arg(long)]
    pub(crate) url: String,
    /// Access token.
    #[arg(long, conflicts_with = "dev_token_from")]
    token: Option<String>,
    /// Where to get a token of the development key, `http://…`.
    #[arg(long, required_unless_present = "token")]
    dev_token_from: Option<String>,
    /// Room to enter.
    #[arg(long, default_value = "lounge")]
    pub(crate) room: String,
    /// Name to show; also the identity.
    #[arg(long, default_value = "native")]
    pub(crate) name: String,
    /// IVF file with VP8 to send as camera.
    #[arg(long)]
    publish_video: Option<PathBuf>,
    /// IVF file with VP8 to send as screen.
    #[arg(long)]
    publish_screen: Option<PathBuf>,
    /// Ogg file with Opus to send as microphone.
    #[arg(long)]
    publish_audio: Option<PathBuf>,
    /// Send packets that carry notes instead of media.
    #[arg(long)]
    synthetic: bool,
    /// Send a clip in which a flash and a beep begin at the same time each second.
    #[arg(long)]
    flash_and_beep: bool,
    /// Send voice and face in model form too: those of the codec's test plug-ins.
    #[arg(long)]
    models: bool,
    /// Decode what is received.
    #[arg(long)]
    receive_decode: bool,
    /// Begin muted.
    #[arg(long)]
    muted: bool,
    /// Audio slots to offer.
    #[arg(long, default_value_t = 4)]
    audio_slots: u16,
    /// Video slots to offer.
    #[arg(long, default_value_t = 9)]
    video_slots: u16,
    /// Lose so many percent of the media both ways.
    #[arg(long, default_value_t = 0.0)]
    lose: f64,
    /// Mean length of a run of lost packets.
    #[arg(long, default_value_t = 1.0)]
    burst: f64,
    /// Offer nothing against loss.
    #[arg(long)]
    no_repair: bool,
    /// Leave after so many seconds.
    #[arg(long)]
    duration: Option<f64>,
    /// So many synthetic participants that come and go by a schedule.
    #[arg(long)]
    pub(crate) swarm: Option<u32>,
    /// So many synthetic participants who stay until `leave`, have models of the codec's test plug-ins,
    /// and talk in turns, at most five at a time.
    #[arg(long, conflicts_with = "swarm")]
    pub(crate) crowd: Option<u32>,
    /// Seed of the schedule.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

impl Args {
    /// Time after which to leave.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.duration.map(Duration::from_secs_f64)
    }

    /// Whether received media is decoded.
    pub(crate) const fn decodes(&self) -> bool {
        self.receive_decode
    }

    /// What to do as the participant of that name.
    ///
    /// # Errors
    /// No token, or a clip that cannot be read, as text.
    pub(crate) async fn options(&self, name: &str) -> Result<Options, String> {
        let token = match (&self.token, &self.dev_token_from) {
            (Some(token), _) => token.clone(),
            (None, Some(origin)) => dev_token(origin, &self.room, name).await?,
            (None, None) => return Err("neither --token nor --dev-token-from".into()),
        };
        let mut options =
            Options::new(&self.url, token).with_slots(self.audio_slots, self.video_slots);
        options.name = Some(name.into());
        let repair = if self.no_repair { Repair::NONE } else { Repair::ALL };
        options = options.losing(Loss { share: self.lose / 100.0, burst: self.burst }, repair);
        if self.models {
            let publish = Some(ModelPublish::PLAYED);
            options = options.with_models(ModelOptions { publish, ..ModelOptions::default() });
        }
        if self.receive_decode {
            options.listen = Listen::Decode;
        }
        for (source, media) in self.media()? {
            options.publish.push(Publish { source, media, muted: self.muted });
        }
        Ok(options)
    }

    fn media(&self) -> Result<Vec<(Source, Media)>, String> {
        let text = |error: sotto_tests::media::ClipError| error.to_string();
        let clip = |clip: Clip, seek: bool| Media::Clip { clip, seek };
        let mut media = Vec::new();
        if self.flash_and_beep {
            let (picture, sound) = make::flash_and_beep(30).map_err(text)?;
            let picture = Clip::video(&picture).map_err(text)?;
            let sound = Clip::audio(&sound).map_err(text)?.cut_to(make::FLASH_AND_BEEP);
            // Its time must not be shifted, or the flash would leave its beep.
            media.push((Source::Camera, clip(picture, false)));
            media.push((Source::Microphone, clip(sound, false)));
        }
        if self.synthetic {
            media.push((Source::Camera, Media::SyntheticVideo { fps: 10, bytes: 600 }));
            media.push((Source::Microphone, Media::SyntheticAudio { level: 40 }));
        }
        for (file, source) in
            [(&self.publish_video, Source::Camera), (&self.publish_screen, Source::Screen)]
        {
            if let Some(file) = file {
                media.push((source, clip(Clip::video(file).map_err(text)?, true)));
            }
        }
        if let Some(file) = &self.publish_audio {
            media.push((Source::Microphone, clip(Clip::audio(file).map_err(text)?, true)));
        }
        Ok(media)
    }
}
