//! Messages on data channels.

use crate::{
    data::{DataError, admit},
    input::{DataMessage, RemoteEvent},
    output::Output,
    room::{Context, MemberKey, Room},
};

impl Room {
    /// A client sent a message on a data channel: to everyone else, or refused.
    pub(crate) fn data(&mut self, cx: &mut Context<'_>, key: MemberKey, message: DataMessage) {
        let member = &mut self.members[key];
        let participant = member.id;
        let Some(peer) = member.peer.as_mut() else { return };
        let admitted: Result<(), DataError> =
            admit(cx.now, &peer.permissions, &mut peer.data, &message);
        if let Err(error) = admitted {
            return cx.refuse(peer.id, "data", error.code(), &error);
        }
        self.hand_out(cx, key, &message);
        self.relay(cx, || RemoteEvent::Data { participant, message });
    }

    /// Hands a message to everyone but its sender.
    pub(crate) fn hand_out(&self, cx: &mut Context<'_>, sender: MemberKey, message: &DataMessage) {
        let from = self.members[sender].short_id;
        for &key in self.order.values().filter(|&&key| key != sender) {
            if let Some(peer) = &self.members[key].peer {
                let (peer, message) = (peer.id, message.clone());
                cx.outputs.push_back(Output::Data { peer, from, message });
            }
        }
    }
}
