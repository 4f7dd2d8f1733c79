//! Somebody who is heard in model form.

use sotto_core::{
    id::{Mid, Ssrc},
    input::ModelHeader,
    signal::{
        ClientMessage, Decoding, FormSwitched, ModelEpoch, ModelLines, ModelSupport,
        ModelTransport, PluginSupport, Policy, ReceivedForm, ServerMessage, Source,
    },
};
use sotto_frame::{Activity, Entry, Epoch, MediaTime, ModelHash, PacketWriter, PluginId};
use sotto_server::shard::{Command, PeerEvent, socket::Batching};

use crate::support::{Client, MIC, OPUS, Offering, Rig, packet, section, session};

/// Source of the model stream.
const MODEL: u32 = 1_004;

const VOICE: ModelHeader = ModelHeader {
    plugin: PluginId::VOICE,
    version: 1,
    epoch: Epoch(1),
    hash: ModelHash([7; 32]),
    bytes: 5_000,
};

/// Somebody who speaks, and somebody who hears it in model form.
pub(crate) struct Call {
    pub(crate) rig: Rig,
    pub(crate) speaker: Client,
    pub(crate) listener: Client,
    /// The source of the bundle stream.
    pub(crate) bundles: Ssrc,
    pub(crate) sent: u16,
}

impl Call {
    pub(crate) fn new(transport: ModelTransport) -> Self {
        let mut rig = Rig::new(Batching::Segments);
        let (speaker, _) = enter(&mut rig);
        let (mut listener, bundles) = enter(&mut rig);
        for client in [&speaker, &listener] {
            client.socket.set_nonblocking(true).unwrap();
            let decode = Decoding::Yes;
            let plugins = vec![PluginSupport { plugin: VOICE.plugin.get(), version: 1, decode }];
            let support = ModelSupport { plugins, transport };
            client.say(&mut rig, ClientMessage::ModelSupport(support));
            client.say(&mut rig, ClientMessage::Policy { policy: Policy::Frugal });
        }
        speaker.publish(&mut rig, "mic", Source::Microphone);
        let model = Command::Model { peer: speaker.peer, model: VOICE };
        rig.handle.try_send(model).unwrap();
        let fetch = rig.until(|| match listener.events.try_recv() {
            Ok(PeerEvent::Message(ServerMessage::FetchModel(fetch))) => Some(fetch),
            _ => None,
        });
        assert_eq!(fetch.hash, VOICE.hash);
        let (participant, source, epoch) = (fetch.participant, fetch.source, fetch.epoch);
        let held = ClientMessage::ModelHeld(ModelEpoch { participant, source, epoch });
        listener.say(&mut rig, held);
        Self { rig, speaker, listener, bundles, sent: 0 }
    }

    /// What the speaker says next: a frame that names itself.
    pub(crate) fn frame(&mut self) -> Vec<u8> {
        let number = self.sent;
        self.sent += 1;
        let mut out = Vec::new();
        let mut writer = PacketWriter::begin(&mut out, MediaTime(u32::from(number) * 80), false);
        let voice = Entry {
            plugin: VOICE.plugin,
            epoch: VOICE.epoch.low(),
            activity: Some(Activity { level: 3, talking: true }),
            payload: &number.to_be_bytes(),
        };
        writer.entry(&voice).unwrap();
        writer.finish().unwrap();
        out
    }

    /// The speaker sends its next frame as a packet.
    pub(crate) fn send_frame(&mut self) {
        let (seq, frame) = (self.sent, self.frame());
        self.speaker.send_rtp(&packet(MODEL, OPUS, seq, u32::from(seq) * 3_840, &[], &frame));
    }

    /// The listener goes over to the other form as soon as both come. Gives whether it was told
    /// anything.
    pub(crate) fn switch(&mut self) -> bool {
        let mut told = false;
        while let Ok(event) = self.listener.events.try_recv() {
            told = true;
            let PeerEvent::Message(ServerMessage::Forms { forms }) = event else { continue };
            for ReceivedForm { participant, source, form, overlap, .. } in forms {
                let switched = FormSwitched { participant, source, form };
                if overlap {
                    self.listener.say(&mut self.rig, ClientMessage::Switched(switched));
                }
            }
        }
        told
    }
}

/// A client as browsers are, with lines for a model stream and for bundles, and the source of the
/// latter.
fn enter(rig: &mut Rig) -> (Client, Ssrc) {
    let models = ModelLines { send: Mid::new("mod").ok(), receive: Mid::new("bun").ok() };
    let (client, answer) = rig.client_with(offer, models, "room");
    let line = answer.split("m=").find(|section| section.contains("a=mid:bun")).unwrap();
    let ssrc = line.split("a=ssrc:").nth(1).unwrap().split(' ').next().unwrap();
    (client, Ssrc(ssrc.parse().unwrap()))
}

/// Microphone, an audio slot, a model stream and a bundle stream.
fn offer(ufrag: &str) -> String {
    let offering = Offering { feedback: true, repair: true };
    let media = |mid, direction| section(offering, ufrag, mid, "audio", direction);
    let sections = format!(
        "{}a=ssrc:{MIC} cname:x\r\n{}{}a=ssrc:{MODEL} cname:x\r\n{}",
        media("mic", "sendonly"),
        media("a0", "recvonly"),
        media("mod", "sendonly"),
        media("bun", "recvonly"),
    );
    session("mic a0 mod bun", &sections)
}
