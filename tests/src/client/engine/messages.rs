//! What the node says on the websocket.

use std::time::{Duration, Instant};

use sotto_core::signal::ServerMessage;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Broken, Engine};
use crate::client::{Answer, Ended, Link, Refusal, Report, sdp, slot::Slot};

impl Engine {
    pub(super) async fn frame(
        &mut self,
        frame: Option<Result<Message, Error>>,
    ) -> Result<(), Broken> {
        match frame {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(message) => {
                    self.heard(message).await;
                    Ok(())
                }
                Err(error) => Err(Broken::Message(format!("{error}: {text}"))),
            },
            Some(Ok(Message::Close(_))) | None => Err(Broken::Ended(Ended::ClosedByNode)),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(Broken::Web(Box::new(error))),
        }
    }

    pub(super) async fn heard(&mut self, message: ServerMessage) {
        let at = self.opened.elapsed();
        if let ServerMessage::Answer { sdp, .. } = &message {
            self.answer(sdp);
        }
        if let ServerMessage::Welcome { participant, .. } = &message {
            self.short_id = participant.short_id.0;
        }
        if let ServerMessage::Demand { mid, layers, audio } = &message
            && self.models.obeys()
        {
            let wanted = match audio {
                Some(audio) => audio.active,
                None => layers.is_empty() || layers.iter().any(|layer| layer.active),
            };
            let mut publications = self.publications.iter_mut();
            let publication = publications.find(|known| known.mid() == mid.as_str());
            publication.into_iter().for_each(|publication| publication.set_wanted(wanted));
        }
        let (slots, models) = (&mut self.slots, &mut self.models);
        let answered = matches!(message, ServerMessage::Answer { .. });
        self.report.send_modify(|report| {
            models.hear(at, &message, report);
            hear(report, slots, at, message);
        });
        if answered {
            self.catch_up(Instant::now());
        }
    }

    pub(super) fn answer(&mut self, sdp: &str) {
        let answer = match Answer::parse(sdp) {
            Ok(answer) => answer,
            Err(why) => {
                self.failed = Some(why);
                return;
            }
        };
        let (slots, models) = (&mut self.slots, &mut self.models);
        self.report.send_modify(|report| {
            let mut lines = answer.lines.iter();
            let bundles = lines.find(|line| line.mid == sdp::MODELS_RECEIVE && !line.refused);
            report.models.ssrc = bundles.and_then(|line| line.ssrc);
            models.negotiated(bundles.is_some_and(|line| line.nack));
            for (report, slot) in report.slots.iter_mut().zip(slots) {
                let line = answer.lines.iter().find(|line| line.mid == report.mid);
                let line = line.filter(|line| !line.refused);
                report.ssrc = line.and_then(|line| line.ssrc);
                report.rtx_ssrc = line.and_then(|line| line.rtx_ssrc);
                slot.negotiated(line.is_some_and(|line| line.nack));
            }
        });
        if self.link.is_some() {
            return;
        }
        let now = Instant::now();
        match Link::new(now, self.local, &self.offer.credentials, &answer, self.profiles) {
            Ok(link) => {
                self.report.send_modify(|report| report.remote = Some(link.remote()));
                self.link = Some(link);
            }
            Err(why) => self.failed = Some(why),
        }
    }
}

/// Enters a message into the report.
fn hear(report: &mut Report, slots: &mut [Slot], at: Duration, message: ServerMessage) {
    match message {
        ServerMessage::Welcome { participant, permissions, participants, limits, .. } => {
            report.welcome = Some(at);
            report.me = Some(participant);
            report.permissions = Some(*permissions);
            report.limits = Some(limits);
            let met = participants.iter().map(|person| (person.short_id.0, person.name.clone()));
            report.met = met.collect();
            report.people = participants.into_iter().map(|person| (person.id, person)).collect();
        }
        ServerMessage::Answer { .. } => {
            report.answers += 1;
            report.answered.get_or_insert(at);
        }
        ServerMessage::ParticipantJoined { participant }
        | ServerMessage::ParticipantReturned { participant } => {
            report.met.insert(participant.short_id.0, participant.name.clone());
            report.people.insert(participant.id, participant);
        }
        ServerMessage::ParticipantLeft { participant, reason } => {
            report.left.push((participant, reason));
            report.people.remove(&participant);
        }
        ServerMessage::TrackPublished { participant, track } => {
            if let Some(person) = report.people.get_mut(&participant) {
                person.tracks.push(track);
            }
        }
        ServerMessage::TrackUnpublished { participant, track } => {
            if let Some(person) = report.people.get_mut(&participant) {
                person.tracks.retain(|known| known.id != track);
            }
        }
        ServerMessage::TrackMuted { participant, track, muted } => {
            let person = report.people.get_mut(&participant);
            let tracks = person.into_iter().flat_map(|person| &mut person.tracks);
            tracks.filter(|known| known.id == track).for_each(|known| known.muted = muted);
        }
        ServerMessage::Slots { slots: assignments } => {
            for assignment in assignments {
                let mid = assignment.mid.as_str();
                if let Some(i) = report.slots.iter().position(|slot| slot.mid == mid) {
                    report.slots[i].assign(&assignment);
                    if assignment.content.is_none() {
                        slots[i].emptied(&mut report.slots[i]);
                    }
                }
            }
        }
        // What this client sends and how large it shows it does not depend on the room.
        ServerMessage::Quality { .. }
        | ServerMessage::Demand { .. }
        | ServerMessage::Bandwidth { .. } => {}
        // Only said to those who can come back, which this client does not say of itself.
        ServerMessage::Resumed { .. } => {}
        // Entered by those who have models.
        ServerMessage::Forms { .. }
        | ServerMessage::FetchModel(_)
        | ServerMessage::ForgetModel(_)
        | ServerMessage::ModelCopy(_)
        | ServerMessage::ModelAccepted { .. }
        | ServerMessage::Learner { .. }
        | ServerMessage::ModelLearned(_)
        | ServerMessage::ModelDemand(_) => {}
        ServerMessage::Speakers { speakers } => report.speakers = speakers,
        ServerMessage::Error { code, message, about, fatal } => {
            report.refusals.push(Refusal { code, message, about, fatal });
        }
        ServerMessage::Pong { id } => report.pongs.push(id),
    }
}
