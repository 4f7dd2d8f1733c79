//! Which form of whom we play, and which we are to go over to.

use std::{collections::BTreeMap, time::Duration};

use sotto_core::{
    id::ParticipantId,
    signal::{Form, FormSwitched, ReceivedForm, Source},
};

/// A source of somebody.
type Key = (ParticipantId, Source);

/// The forms of everybody's sources.
#[derive(Debug, Default)]
pub struct Following {
    playing: BTreeMap<Key, Form>,
    /// What was told, and when.
    pending: BTreeMap<Key, (u32, Form, Duration)>,
}

impl Following {
    /// The node says in which form a source is to be played.
    pub fn told(&mut self, at: Duration, form: &ReceivedForm) {
        let key = (form.participant, form.source);
        let playing = self.playing.get(&key).copied().unwrap_or_default();
        if playing == form.form {
            self.pending.remove(&key);
        } else if self.pending.get(&key).is_none_or(|(_, pending, _)| *pending != form.form) {
            self.pending.insert(key, (form.short_id.0, form.form, at));
        }
    }

    /// Those whose other form has come since it was told: they are played in it from now on.
    /// `last_of` says when the last piece came of a short id's source in a form.
    pub fn poll(
        &mut self,
        last_of: impl Fn(u32, Source, Form) -> Option<Duration>,
    ) -> Vec<FormSwitched> {
        let arrived = self.pending.extract_if(.., |(_, source), (short_id, form, since)| {
            last_of(*short_id, *source, *form).is_some_and(|last| last > *since)
        });
        let switched = arrived.map(|((participant, source), (_, form, _))| {
            self.playing.insert((participant, source), form);
            FormSwitched { participant, source, form }
        });
        switched.collect()
    }
}

#[cfg(test)]
mod tests {
    use sotto_core::id::ShortId;

    use super::*;

    const fn second(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn told(form: Form) -> ReceivedForm {
        ReceivedForm {
            participant: serde_json::from_value("0".repeat(32).into()).unwrap(),
            short_id: ShortId(5),
            source: Source::Camera,
            form,
            reason: None,
            epoch: None,
            plugin: None,
            overlap: true,
            timestamp: None,
            capture_time: None,
        }
    }

    #[test]
    fn the_other_form_is_played_when_it_comes_and_said_once() {
        let mut following = Following::default();
        let forms = |switched: Vec<FormSwitched>| switched.iter().map(|s| s.form).collect();
        let poll = |following: &mut Following, model, raw| -> Vec<Form> {
            forms(following.poll(|short_id, source, form| {
                assert_eq!((short_id, source), (5, Source::Camera));
                if form == Form::Model { model } else { raw }
            }))
        };
        following.told(second(1), &told(Form::Raw));
        assert!(poll(&mut following, None, Some(second(9))).is_empty(), "raw is what is played");
        following.told(second(2), &told(Form::Model));
        assert!(poll(&mut following, Some(second(1)), None).is_empty(), "from before");
        assert_eq!(poll(&mut following, Some(second(3)), None), [Form::Model]);
        following.told(second(4), &told(Form::Model));
        assert!(poll(&mut following, Some(second(5)), None).is_empty());
        following.told(second(6), &told(Form::Raw));
        following.told(second(7), &told(Form::Model));
        assert!(poll(&mut following, Some(second(8)), Some(second(8))).is_empty(), "taken back");
    }
}
