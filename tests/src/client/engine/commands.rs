//! What the handle asks for.

use std::time::Instant;

use futures_util::SinkExt;
use sotto_core::{
    id::Mid,
    signal::{ClientMessage, Source},
};
use tokio_tungstenite::tungstenite::Message;

use super::{Broken, Command, Engine};
use crate::client::{Ended, Media, SlotReport, publication::Publication, sdp, slot::Slot};

impl Engine {
    pub(super) async fn command(&mut self, command: Command) -> Result<(), Broken> {
        let now = Instant::now();
        match command {
            Command::Say(message) => self.say(&message).await?,
            Command::SayRaw(text) => self.say_text(text).await?,
            Command::Mute(source, muted) => {
                if let Some(publication) =
                    self.publications.iter_mut().find(|publication| publication.source() == source)
                {
                    publication.set_muted(muted);
                    let mid = mid(publication.mid());
                    self.say(&ClientMessage::Mute { mid, muted }).await?;
                }
            }
            Command::Publish(source, media) => self.publish(source, media, false).await?,
            Command::Unpublish(source) => {
                if let Some(i) = self.publications.iter().position(|p| p.source() == source) {
                    let mid = mid(self.publications.remove(i).mid());
                    self.say(&ClientMessage::Unpublish { mid }).await?;
                }
            }
            Command::Offer { audio, video } => {
                (self.offer.audio_slots, self.offer.video_slots) = (audio, video);
                self.send_offer().await?;
            }
            Command::Data { label, text, payload } => {
                if let Some(link) = &mut self.link {
                    link.send_data(now, &label, text, &payload).map_err(Broken::Message)?;
                }
            }
            Command::OpenChannel(label) => {
                if let Some(link) = &mut self.link {
                    link.open_channel(now, &label).map_err(Broken::Message)?;
                }
            }
            Command::Gate(source, state) => self.gate(source, state).await?,
            Command::Refine(source) => self.refine(source),
            Command::Datagram(datagram) => self.transmit(&datagram),
            Command::Rtp(packet) => self.send_rtp(&packet),
            Command::Rtcp(packet) => self.send_rtcp(&packet),
            Command::Record(record) => {
                if let Some(link) = &mut self.link {
                    link.send_record(now, &record).map_err(Broken::Message)?;
                }
            }
            Command::Leave => {
                self.leaving = true;
                self.say(&ClientMessage::Leave).await?;
            }
            Command::Vanish => return Err(Broken::Ended(Ended::Vanished)),
        }
        Ok(())
    }

    pub(super) async fn publish(
        &mut self,
        source: Source,
        media: Media,
        muted: bool,
    ) -> Result<(), Broken> {
        let line = sdp::SENDING.iter().position(|(known, _)| *known == source);
        let ssrc = self.offer.ssrcs[line.unwrap_or(0)];
        let publication = Publication::new(Instant::now(), source, ssrc, media, muted);
        let message = ClientMessage::Publish {
            mid: mid(publication.mid()),
            source,
            muted,
            encrypted: false,
            layers: Vec::new(),
        };
        self.publications.push(publication);
        self.requests.push((source, 0, None));
        self.say(&message).await
    }

    pub(super) async fn send_offer(&mut self) -> Result<(), Broken> {
        self.offer.version += 1;
        let listen = self.listen;
        for (name, kind) in self.offer.slots() {
            let slots = &mut self.slots;
            self.report.send_modify(|report| {
                if !report.slots.iter().any(|slot| slot.mid == name) {
                    report.slots.push(SlotReport::new(name, kind));
                    slots.push(Slot::new(kind, listen));
                }
            });
        }
        self.report.send_modify(|report| report.offers += 1);
        let (id, sdp) = (self.offer.version, self.offer.to_sdp());
        let models = self.models.lines();
        self.say(&ClientMessage::Offer { id, sdp, models }).await
    }

    pub(super) async fn say(&mut self, message: &ClientMessage) -> Result<(), Broken> {
        let text =
            serde_json::to_string(message).map_err(|error| Broken::Message(error.to_string()))?;
        self.say_text(text).await
    }

    pub(super) async fn say_text(&mut self, text: String) -> Result<(), Broken> {
        let sent = self.web.send(Message::Text(text.into())).await;
        sent.map_err(|error| Broken::Web(Box::new(error)))
    }
}

pub(super) fn mid(text: &str) -> Mid {
    Mid::new(text).expect("our tags are one or two characters")
}
