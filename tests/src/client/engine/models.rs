//! What the engine does about models: asks, tells, fetches, uploads.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sotto_codec::{Plugin as _, face, voice};
use sotto_core::signal::{
    ClientMessage, Decoding, Form, FormSwitched, GateState, LearningState, ModelEpoch, ModelLines,
    ModelSupport, ModelTransport, PluginSupport, ServerMessage, Source,
};
use sotto_frame::PluginId;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{Broken, Engine};
use crate::client::{
    Link, Options, Report, data,
    http::{self, Request},
    models::{
        Arrival, Arrived, BAR, BundleSink, Fetched, Following, Held, Library, ModelOptions,
        ModelSource, ModelsReport, Strand, TONE, Uploaded, VERSION, fetch,
    },
    rtp::Header,
    sdp,
};

/// Bytes around the payload of a UDP datagram: IPv4 and UDP headers.
const UDP_HEADERS: usize = 28;
/// Bytes around a message of a data channel that is alone in its datagram: UDP as above, DTLS 1.2
/// with AES-GCM (13 + 8 + 16), SCTP (12) and the header of its chunk (16).
const DATA_HEADERS: usize = UDP_HEADERS + 37 + 28;

/// Uploads at a time: the node takes one of each connection.
const UPLOADS: usize = 1;
/// Fetches at a time, as many as browsers make of one host.
const FETCHES: usize = 6;

/// Models of the participant and of others.
pub(super) struct Models {
    options: ModelOptions,
    /// Where the node is reached over HTTP.
    authority: String,
    pub(super) source: Option<ModelSource>,
    sink: BundleSink,
    library: Library,
    following: Following,
    pub(super) errands: JoinSet<Errand>,
    /// Turns of uploads and of fetches, in their order.
    turns: [Arc<Semaphore>; 2],
    repeated: u64,
}

/// What ran beside the engine and has come to an end.
pub(super) enum Errand {
    Uploaded { source: Source, epoch: u32, bytes: usize, result: Result<u16, String> },
    Arrived(Arrived),
}

impl Models {
    /// Nothing made, nothing held.
    pub(super) fn new(now: Instant, ssrc: u32, options: &Options) -> Self {
        let ModelOptions { publish, transport, .. } = &options.models;
        let source = publish
            .as_ref()
            .map(|publish| ModelSource::new(now, ssrc, publish, *transport, ssrc ^ now_seed()));
        Self {
            authority: authority(&options.url).into(),
            source,
            sink: BundleSink::default(),
            library: Library::default(),
            following: Following::default(),
            errands: JoinSet::new(),
            turns: [UPLOADS, FETCHES].map(|most| Arc::new(Semaphore::new(most))),
            repeated: 0,
            options: options.models.clone(),
        }
    }

    /// Whether it makes or shows any.
    const fn is_in_use(&self) -> bool {
        self.options.publish.is_some() || self.options.receive
    }

    /// The m-lines of its streams, where they are RTP.
    pub(super) fn lines(&self) -> Option<ModelLines> {
        let is_rtp = self.options.transport == ModelTransport::Rtp;
        (self.is_in_use() && is_rtp).then(|| ModelLines {
            send: self.source.as_ref().map(|_| super::commands::mid(sdp::MODELS_SEND)),
            receive: self.options.receive.then(|| super::commands::mid(sdp::MODELS_RECEIVE)),
        })
    }

    /// What it can show, and how its frames travel.
    fn support(&self) -> Option<ModelSupport> {
        let voice = voice::Voice::new(voice::Settings::default()).version();
        let face = face::Face::new(face::Settings::default()).version();
        let shown =
            [(TONE, VERSION), (BAR, VERSION), (PluginId::VOICE, voice), (PluginId::FACE, face)];
        let shown = shown.map(|(plugin, version)| PluginSupport {
            plugin: plugin.get(),
            version,
            decode: Decoding::Yes,
        });
        let plugins = if self.options.receive { shown.into() } else { Vec::new() };
        let transport = self.options.transport;
        self.is_in_use().then_some(ModelSupport { plugins, transport })
    }

    /// Whether what it publishes is sent only while the node wants it.
    pub(super) const fn obeys(&self) -> bool {
        self.options.publish.is_some()
    }

    /// What the answer says of the bundle stream.
    pub(super) fn negotiated(&mut self, nack: bool) {
        self.sink.negotiated(nack && self.options.nack);
    }

    /// Enters a message into the report, and does what it asks for.
    pub(super) fn hear(&mut self, at: Duration, message: &ServerMessage, report: &mut Report) {
        let models = &mut report.models;
        match message {
            ServerMessage::Welcome { models: access, .. } => {
                models.access = access.as_deref().cloned();
                let source = self.source.iter().flat_map(|source| source.strands());
                let sources: Vec<_> = source.map(|strand| strand.source()).collect();
                sources.into_iter().for_each(|source| self.upload(source, models));
            }
            ServerMessage::ModelDemand(demand) => {
                self.source.iter_mut().for_each(|source| source.obey(demand));
                models.demand = Some(demand.clone());
            }
            ServerMessage::ModelAccepted { source, epoch } => {
                models.accepted.push((*source, *epoch));
            }
            ServerMessage::Learner { source, state, per_mille } => {
                models.learners.insert(*source, (*state, *per_mille));
            }
            ServerMessage::ModelLearned(learned) => models.learned.push(*learned),
            ServerMessage::Forms { forms } => {
                for form in forms {
                    self.following.told(at, form);
                    let key = (form.participant, form.source);
                    let before = models.forms.insert(key, form.clone());
                    let before = before.map(|before| before.form).unwrap_or_default();
                    models.switches += u64::from(before != form.form);
                }
            }
            ServerMessage::FetchModel(wanted) => {
                let access = models.access.as_ref();
                let key = access.map(|access| access.key.0.clone()).unwrap_or_default();
                let base = wanted.base.and_then(|base| self.library.get(base).cloned());
                let (authority, wanted) = (self.authority.clone(), **wanted);
                let turns = self.turns[1].clone();
                self.errands.spawn(async move {
                    let _turn = turns.acquire().await;
                    Errand::Arrived(fetch(authority, key, wanted, base).await)
                });
            }
            ServerMessage::ForgetModel(forget) => {
                self.library.forget(forget);
                let key = (forget.participant, forget.source);
                if let Some(held) = models.held.get_mut(&key) {
                    held.retain(|held| held.hash != forget.hash);
                }
                models.held.retain(|_, held| !held.is_empty());
                models.forgotten.push(*forget);
            }
            ServerMessage::ParticipantLeft { participant, .. } => {
                models.forms.retain(|(whose, _), _| whose != participant);
            }
            _ => {}
        }
    }

    /// Takes a bundle: an RTP packet, of which `tag` bytes were its encryption's.
    pub(super) fn packet(
        &mut self,
        (now, at): (Instant, Duration),
        header: &Header,
        packet: &[u8],
        tag: usize,
        report: &mut ModelsReport,
    ) {
        let wire_bytes = packet.len() + tag + UDP_HEADERS;
        let bundle = &packet[header.payload.0..header.payload.1];
        self.sink.packet(&Arrival { now, at, wire_bytes }, header.seq, bundle, report);
    }

    /// Takes a bundle that came as a message.
    pub(super) fn message(
        &mut self,
        (now, at): (Instant, Duration),
        bundle: &[u8],
        report: &mut ModelsReport,
    ) {
        let wire_bytes = DATA_HEADERS + bundle.len().next_multiple_of(4);
        self.sink.bundle(&Arrival { now, at, wire_bytes }, bundle, report);
    }

    /// What time brings: what was waited for is given up, figures are entered. Gives the bundles that
    /// are to be asked for, and the forms that are played from now on.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        report: &mut Report,
    ) -> (Vec<u16>, Vec<FormSwitched>) {
        self.sink.settle(now, &mut report.models);
        if let Some(source) = &self.source {
            let strands = source.strands().iter();
            report.models.sent =
                strands.map(|strand| (strand.source(), strand.counter())).collect();
            report.models.packets = source.packets();
        }
        report.models.repeated = self.repeated;
        let missing = self.sink.poll_missing(now);
        report.models.bundles.asked += missing.len() as u64;
        let switched = self.following.poll(|short_id, source, form| match form {
            Form::Model => report.models.last(short_id, source.kind()),
            Form::Raw => report.source(short_id, source.kind()).and_then(|of| of.last_frame),
        });
        (missing, switched)
    }

    /// The packets of our stream that the node asks for again; nothing if it is another's.
    pub(super) fn repeat(&mut self, ssrc: u32, missing: &[u16]) -> Vec<Vec<u8>> {
        let source = self.source.as_mut().filter(|source| source.ssrc() == ssrc);
        let packets = source.map(|source| source.repeat(missing)).unwrap_or_default();
        self.repeated += packets.len() as u64;
        packets
    }

    /// Uploads the latest model of a source, if the node takes any.
    fn upload(&mut self, source: Source, report: &ModelsReport) {
        let Some(key) = report.access.as_ref().map(|access| access.key.clone()) else { return };
        let strand = self.source.as_mut().and_then(|models| models.strand(source));
        let Some(strand) = strand else { return };
        let (Some(made), Some(body)) = (strand.latest(), strand.upload()) else { return };
        let (hash, epoch) = (made.hash, made.epoch.0);
        let authority = self.authority.clone();
        let turns = self.turns[0].clone();
        self.errands.spawn(async move {
            let _turn = turns.acquire().await;
            let path = format!("/v1/models/{hash}");
            let request = Request::put(&path, &body).with_bearer(&key.0);
            let answer = http::send(&authority, request).await;
            let result = answer.map(|answer| answer.status).map_err(|error| error.to_string());
            Errand::Uploaded { source, epoch, bytes: body.len(), result }
        });
    }
}

impl Engine {
    /// Says what can be shown, once, when the node has let us in.
    pub(super) async fn say_support(&mut self) -> Result<(), Broken> {
        match self.models.support() {
            Some(support) => self.say(&ClientMessage::ModelSupport(support)).await,
            None => Ok(()),
        }
    }

    /// Something that ran beside has come to an end.
    pub(super) async fn errand(&mut self, errand: Errand) -> Result<(), Broken> {
        match errand {
            Errand::Uploaded { source, epoch, bytes, result } => {
                self.uploaded(source, epoch, bytes, result);
                Ok(())
            }
            Errand::Arrived(arrived) => self.arrived(arrived).await,
        }
    }

    fn uploaded(&mut self, source: Source, epoch: u32, bytes: usize, result: Result<u16, String>) {
        let taken = matches!(result, Ok(200 | 201));
        let strand = self.models.source.as_mut().and_then(|models| models.strand(source));
        let is_latest =
            |strand: &&mut Strand| strand.latest().is_some_and(|latest| latest.epoch.0 == epoch);
        if let Some(strand) = strand.filter(is_latest).filter(|_| taken) {
            strand.taken();
        }
        self.report.send_modify(|report| match result {
            Ok(status) => report.models.uploads.push(Uploaded { source, epoch, bytes, status }),
            Err(why) => report.models.failures.push(format!("upload of {source:?}: {why}")),
        });
    }

    async fn arrived(&mut self, Arrived { wanted, result }: Arrived) -> Result<(), Broken> {
        let at = self.opened.elapsed();
        let (participant, source, epoch) = (wanted.participant, wanted.source, wanted.epoch);
        let model = ModelEpoch { participant, source, epoch };
        let (container, bytes, delta) = match result {
            Ok(arrived) => arrived,
            Err((reason, why)) => {
                self.report.send_modify(|report| report.models.failures.push(why));
                return self.say(&ClientMessage::ModelFailed { model, reason }).await;
            }
        };
        self.models.library.keep(wanted.hash, container);
        self.report.send_modify(|report| {
            let held = report.models.held.entry((participant, source)).or_default();
            held.push(Held { epoch, hash: wanted.hash, plugin: wanted.plugin });
            held.sort_unstable();
            let fetched = Fetched { participant, source, epoch, bytes, delta, at };
            report.models.fetched.push(fetched);
        });
        self.say(&ClientMessage::ModelHeld(model)).await
    }

    /// The gate of a source of ours found something else.
    pub(super) async fn gate(&mut self, source: Source, state: GateState) -> Result<(), Broken> {
        self.models.source.iter_mut().for_each(|models| models.set_gate(source, state));
        self.say(&ClientMessage::Gate { source, state }).await
    }

    /// Makes and uploads the next epoch of a source's model.
    pub(super) fn refine(&mut self, source: Source) {
        if let Some(models) = &mut self.models.source {
            models.refine(source);
        }
        let (models, report) = (&mut self.models, self.report.borrow());
        models.upload(source, &report.models);
    }

    /// Sends the packets of the model stream that are due.
    pub(super) async fn emit_models(&mut self, now: Instant) -> Result<(), Broken> {
        let Some(source) = &mut self.models.source else { return Ok(()) };
        let mut packets = Vec::new();
        source.emit(now, self.short_id, &mut packets);
        let (report, gates) = (source.report(now), source.poll_gates());
        for (source, state) in gates {
            self.say(&ClientMessage::Gate { source, state }).await?;
        }
        for packet in packets {
            match self.models.options.transport {
                ModelTransport::Rtp => self.send_rtp(&packet),
                ModelTransport::Data => {
                    let link = self.link.as_mut();
                    let sent = link.map(|link| link.send_data(now, data::MODELS, false, &packet));
                    sent.unwrap_or(Ok(())).map_err(Broken::Message)?;
                }
            }
        }
        report.into_iter().for_each(|report| self.send_rtcp(&report));
        Ok(())
    }

    /// Says of what is still to be learned that it is.
    pub(super) async fn say_learning(&mut self) -> Result<(), Broken> {
        let strands = self.models.source.iter().flat_map(|source| source.strands());
        let learning = strands.filter(|strand| strand.latest().is_none());
        let sources: Vec<_> = learning.map(|strand| strand.source()).collect();
        for source in sources {
            let state = LearningState::Learning;
            self.say(&ClientMessage::Learning { source, state }).await?;
        }
        Ok(())
    }

    /// Uploads the models of a recording whose time has come.
    pub(super) fn learn(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.opened);
        let learned = self.models.source.as_mut().map(|source| source.learn(since));
        let (models, report) = (&mut self.models, self.report.borrow());
        for source in learned.unwrap_or_default() {
            models.upload(source, &report.models);
        }
    }

    /// The connection is up: the stream begins, and messages may come.
    pub(super) fn begin_models(&mut self, now: Instant) {
        let models = &mut self.models;
        models.source.iter_mut().for_each(|source| source.start(now));
        if models.is_in_use() && models.options.transport == ModelTransport::Data {
            let opened =
                self.link.as_mut().map(|link: &mut Link| link.open_channel(now, data::MODELS));
            self.failed = opened.and_then(Result::err);
        }
    }
}

/// `host:port` of an address such as `ws://host:port/path`.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// Differs between participants of one process that were given one source by chance.
fn now_seed() -> u32 {
    let mut bytes = [0; 4];
    super::fill(&mut bytes);
    u32::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_is_asked_where_its_websocket_is() {
        assert_eq!(authority("ws://127.0.0.1:8080/v1/signal"), "127.0.0.1:8080");
        assert_eq!(authority("ws://[::1]:80"), "[::1]:80");
    }
}
