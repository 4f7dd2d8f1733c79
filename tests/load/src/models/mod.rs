//! A meeting of recorded people, all raw, and learned while it goes on.
//!
//! ```text
//!  recordings ─► Cast ─┬─ meeting, all raw: settled, steady window                     ─┐
//!                      └─ meeting that learns: raw ─ models come ─ settled ─ window    ─┴─► Figures
//!  one of them is the watcher: a row a second of what reaches him, from his joining on
//! ```
//!
//! Each meeting has a node of its own, one after the other, whose media thread is measured alone.

mod args;
mod cast;
mod figures;
mod gaps;
mod meeting;
mod table;
mod watch;

pub use args::ModelsArgs;
pub use cast::Cast;
pub use figures::Figures;
pub use gaps::Gaps;
pub use meeting::{Meeting, Shown};
pub use watch::{Row, Rows};

use std::{fs, io, path::PathBuf};

use sotto_tests::{client::JoinError, media::RecordingError};

use crate::processor::ProcessorError;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// There is nobody to measure with.
    #[error(
        "no figures without recordings: `sotto-lab record --clip FILE --speech FILE --out DIR` makes \
         them of a clip and of speech, --recordings DIR names their folder"
    )]
    NoRecordings,
    /// A recording cannot be used.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// Nobody to see others.
    #[error("a meeting has at least two people, not {0}")]
    TooFew(u32),
    /// Somebody could not join.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// Nothing to measure with.
    #[error(transparent)]
    Processor(#[from] ProcessorError),
    /// The rows cannot be written.
    #[error("{path}: {source}")]
    Csv {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Measures what the arguments ask for.
///
/// # Errors
/// [`ModelsError`].
pub async fn run(args: &ModelsArgs) -> Result<Figures, ModelsError> {
    let folder = args.recordings.as_deref().ok_or(ModelsError::NoRecordings)?;
    if args.people < 2 {
        return Err(ModelsError::TooFew(args.people));
    }
    let cast = Cast::read(folder, args.people, args.calm)?;
    let raw = Meeting::open(args, &cast, Shown::Raw).await?.watch(args).await?;
    let learned = Meeting::open(args, &cast, Shown::Learned).await?.watch(args).await?;
    let figures = Figures::of(args, &cast, &raw, &learned);
    if let Some(path) = &args.csv {
        let rows = Rows::to_csv(&[(Shown::Raw, &raw), (Shown::Learned, &learned)]);
        let written = fs::write(path, rows);
        written.map_err(|source| ModelsError::Csv { path: path.clone(), source })?;
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sotto_tests::media::{
        Clip, Recorded,
        make::{self, CAST, Shape},
    };

    use super::*;

    /// Recordings of nobody with pictures and voices that are made up.
    fn cast(people: u32) -> Cast {
        let recorded = CAST[..2].iter().map(|person| Recorded {
            recording: Arc::new(make::recording(person.name, 9)),
            picture: Clip::video(&make::video(*person, Shape::TINY).unwrap()).unwrap(),
            voice: Clip::audio(&make::voice(*person, 4).unwrap()).unwrap(),
        });
        Cast::of(recorded.collect(), people)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_meeting_that_is_learned_takes_less_than_a_raw_one_and_all_of_it_is_counted() {
        let args = ModelsArgs { people: 3, seconds: 3.0, settle: 3.0, ..ModelsArgs::default() };
        let cast = cast(args.people);
        assert_eq!(cast.names(), ["anna", "boris"]);
        let meeting = |shown| {
            let (args, cast) = (&args, &cast);
            async move { Meeting::open(args, cast, shown).await.unwrap().watch(args).await.unwrap() }
        };
        let (raw, learned) = (meeting(Shown::Raw).await, meeting(Shown::Learned).await);
        let figures = Figures::of(&args, &cast, &raw, &learned);
        assert_eq!(figures.failures, Vec::<String>::new());
        assert_eq!((figures.people, figures.voices), (3, 3));
        assert!(figures.ratio > 2.0, "{figures:#?}");
        assert!(figures.downlink_bundles_bps > 0.0, "{figures:#?}");
        // Of two others three models each, of which the second face is a difference or whole.
        assert!(figures.model_bytes > 2 * 800, "{figures:#?}");
        assert!(figures.switches >= 4, "{figures:#?}");
        assert!(learned.rows.len() >= 6, "{:?}", learned.rows);
        assert_eq!(learned.rows[0].people, 2);
        let csv = Rows::to_csv(&[(Shown::Raw, &raw), (Shown::Learned, &learned)]);
        assert_eq!(csv.lines().count(), 1 + raw.rows.len() + learned.rows.len());
        assert!(figures.to_table().contains("raw by model"));
    }

    #[tokio::test]
    async fn without_recordings_there_are_no_figures_but_how_to_record() {
        let args = ModelsArgs::default();
        let error = run(&args).await.unwrap_err();
        assert!(error.to_string().contains("sotto-lab record"), "{error}");
        let alone = ModelsArgs { recordings: Some("nowhere".into()), people: 1, ..args };
        assert!(matches!(run(&alone).await, Err(ModelsError::TooFew(1))));
    }
}
