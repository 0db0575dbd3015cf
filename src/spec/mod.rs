//! What a run is asked to do: settings, pipelines, codelists; read once, validated before anything is fetched.

mod codelist;
mod members;
mod notify;
mod pipeline;
mod release;
mod request;
mod settings;
mod timetable;
mod validate;

pub use codelist::{Codelist, Codelists, RELATION};
pub use members::Members;
pub use notify::{EventKind, NotifySettings, WebhookSettings, is_loopback};
pub use pipeline::{
    CanonicalColumn, CodeRule, DecodeSpec, Dimension, Edition, Kind, Missed, Pipeline, Pipelines, Quality,
    ScheduleSpec, substitute,
};
pub use release::Release;
pub use request::{CheckSpec, DiscoverSpec, FOUND, PagesSpec, RequestSpec, SplitSpec, with_variable};
pub use settings::{
    EngineName, ListenSettings, NormaliseSettings, PrivacySettings, Profile, ScheduleSettings, Settings,
    SourceSettings, SparkSettings, StorageSettings,
};
pub use timetable::Timetable;

use std::path::PathBuf;

use crate::disk::DiskError;
use crate::error::{Hint, Snippet};

/// A wrong configuration, pipeline or codelist.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// A file could not be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The settings do not fit together.
    #[error("the settings are wrong: {message}")]
    Settings {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A place in a file is wrong.
    #[error("{message}")]
    Place {
        /// What is wrong.
        message: String,
        /// Where.
        snippet: Box<Snippet>,
        /// What to do.
        hint: Option<String>,
    },
    /// A codelist is wrong.
    #[error("`{}`, line {line}: {message}", path.display())]
    Codelist {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// A name on the command line is no pipeline.
    #[error("expected the name of a pipeline, found `{found}`")]
    UnknownPipeline {
        /// What was given.
        found: String,
        /// The nearest name, or the list of names.
        hint: String,
    },
}

impl Hint for SpecError {
    fn hint(&self) -> Option<String> {
        match self {
            SpecError::Disk(error) if error.is_not_found() => Some(
                "run tejido in the folder that holds config/, pipelines/ and sql/, or name it with `--project`".into(),
            ),
            SpecError::Disk(error) => error.hint(),
            SpecError::Settings { hint, .. } | SpecError::Place { hint, .. } => hint.clone(),
            SpecError::Codelist { .. } => Some("correct the file; pipelines/README.md tells its form".into()),
            SpecError::UnknownPipeline { hint, .. } => Some(hint.clone()),
        }
    }

    fn snippet(&self) -> Option<&Snippet> {
        match self {
            SpecError::Place { snippet, .. } => Some(snippet),
            _ => None,
        }
    }
}
