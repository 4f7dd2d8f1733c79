//! Who may keep copies of models on disk, and is told so.

use sotto_frame::ModelHash;

use crate::{
    peer::Fetched,
    room::{Context, MemberKey, Room},
    signal::{DiskCopy, ModelCopy, ServerMessage, Source},
};

impl Room {
    /// A speaker lets one of its models be kept for another meeting, or none any longer: whoever was given
    /// it may keep a copy, or removes it.
    pub(crate) fn model_kept(
        &mut self,
        cx: &mut Context<'_>,
        key: MemberKey,
        source: Source,
        kept: Option<(ModelHash, DiskCopy)>,
    ) {
        let Some(model) = self.members[key].models.iter_mut().find(|model| model.source == source)
        else {
            return;
        };
        // One that was taken back while it was written is none.
        let kept = kept.filter(|(hash, _)| model.knows(*hash));
        let before = std::mem::replace(&mut model.copy, kept.clone());
        let gone = before.map(|(hash, _)| hash).filter(|hash| !is_of(kept.as_ref(), *hash));
        let who = self.members[key].short_id;
        for (_, member) in self.members.iter() {
            let Some(peer) = &member.peer else { continue };
            let given =
                peer.models.fetched.iter().filter(|it| (it.who, it.source) == (who, source));
            for &Fetched { participant, hash, .. } in given {
                let copy = kept.as_ref().filter(|(kept, _)| *kept == hash);
                if copy.is_none() && gone != Some(hash) {
                    continue;
                }
                let copy = copy.map(|(_, copy)| copy.clone());
                let copy = ModelCopy { participant, source, hash, copy };
                cx.say(peer.id, ServerMessage::ModelCopy(copy));
            }
        }
    }

    /// How copies of a model may be kept; `None`: they may not.
    pub(super) fn copy_of(
        &self,
        speaker: MemberKey,
        source: Source,
        hash: ModelHash,
    ) -> Option<DiskCopy> {
        let (kept, copy) = self.source_model(speaker, source)?.copy.as_ref()?;
        (*kept == hash).then(|| copy.clone())
    }
}

fn is_of(kept: Option<&(ModelHash, DiskCopy)>, hash: ModelHash) -> bool {
    kept.is_some_and(|(kept, _)| *kept == hash)
}
