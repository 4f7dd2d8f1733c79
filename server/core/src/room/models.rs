//! Models: not served yet.
use crate::{
    input::ModelHeader,
    output::BundleRoute,
    room::{Context, MemberKey, Room},
    time::Time,
};
impl Room {
    pub(crate) fn bundle(&mut self, _: Time, _: MemberKey, _: &mut Vec<u8>) -> Option<BundleRoute> {
        None
    }
    pub(crate) fn model(&mut self, _: &mut Context<'_>, _: MemberKey, _: ModelHeader) {}
    pub(crate) fn model_message(&mut self, _: &mut Context<'_>, _: MemberKey, _: &[u8]) {}
}
