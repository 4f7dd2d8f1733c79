//! Recorded people in a room of a node that runs already, for whoever else is there to see and hear
//! them.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Args;
use sotto_server::{config::Config, token::Claims};
use sotto_tests::client::{Options, Participant};

use crate::models::{Cast, ModelsError, Shown};

/// How long their tokens are good.
const TOKEN_LIFE: Duration = Duration::from_secs(3_600);

/// Who goes where.
#[derive(Args, Clone, Debug)]
pub struct AttendArgs {
    /// Websocket of a node with the development key: `ws://host:port/v1/signal`.
    #[arg(long)]
    pub url: String,
    /// The room.
    #[arg(long)]
    pub room: String,
    /// People who join, of whom five at most talk.
    #[arg(long, default_value_t = 4)]
    pub people: u32,
    /// Folder of what `sotto-lab record` wrote; people are taken from it in turn.
    #[arg(long, value_name = "DIR")]
    pub recordings: PathBuf,
    /// Nobody has models: everything is raw.
    #[arg(long)]
    pub raw: bool,
}

/// Brings everybody in, who see and hear nobody and stay until they are dropped.
///
/// # Errors
/// [`ModelsError`].
pub async fn attend(args: &AttendArgs) -> Result<Vec<Participant>, ModelsError> {
    enter(args, &Cast::read(&args.recordings, args.people, false)?).await
}

async fn enter(args: &AttendArgs, cast: &Cast) -> Result<Vec<Participant>, ModelsError> {
    let shown = if args.raw { Shown::Raw } else { Shown::Learned };
    let mut people = Vec::new();
    for number in 0..args.people {
        let name = format!("person-{number}");
        let options = Options::new(&*args.url, token(&args.room, &name));
        let mut options = cast.options(number, options, shown).with_slots(0, 0);
        options.name = Some(name);
        options.models.receive = false;
        people.push(Participant::join(options).await?);
    }
    Ok(people)
}

/// A token by the key of development.
fn token(room: &str, identity: &str) -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let claims = Claims::participant(room, identity, (since_epoch + TOKEN_LIFE).as_secs());
    Config::development().key.sign(&claims)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sotto_tests::{
        media::{
            Clip, Recorded,
            make::{self, CAST, Shape},
        },
        node::Node,
    };

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn recorded_people_are_in_the_room_of_a_node_that_runs_already() {
        let node = Node::start().await;
        let args = AttendArgs {
            url: node.url(),
            room: "hall".into(),
            people: 2,
            recordings: "nowhere".into(),
            raw: false,
        };
        let recorded = CAST[..2].iter().map(|person| Recorded {
            recording: Arc::new(make::recording(person.name, 9)),
            picture: Clip::video(&make::video(*person, Shape::TINY).unwrap()).unwrap(),
            voice: Clip::audio(&make::voice(*person, 4).unwrap()).unwrap(),
        });
        let mut people = enter(&args, &Cast::of(recorded.collect(), 2)).await.unwrap();
        for person in &mut people {
            let accepted = person.until("models are in use", |report| {
                report.models.accepted.len() == 2 && report.connected.is_some()
            });
            accepted.await.unwrap();
        }
        drop(people);
        node.stop().await;
    }
}
