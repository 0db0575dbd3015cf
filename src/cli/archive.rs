//! `tejido archive list|show|export|import|gc`

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use super::summary::{grouped, size};
use super::{Shared, failed, json, say, table, tell};
use crate::error::Exit;
use crate::run::archive::{self, Held, Imported, Origin};
use crate::run::payload::{PayloadError, write_private_file};
use crate::run::{Project, RunError};

/// Arguments of `tejido archive`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// What is kept, and who needs it
    List {
        /// Only of these pipelines
        #[arg(value_name = "PIPELINE")]
        pipelines: Vec<String>,
    },
    /// What is known of one snapshot; or its bytes
    Show {
        /// Its file or hash, or how that begins
        #[arg(value_name = "SNAPSHOT")]
        name: String,
        /// Write the bytes as they came from the source
        #[arg(long, conflicts_with = "payload")]
        raw: bool,
        /// Write the payload, decompressed: `cell` counts its bytes
        #[arg(long)]
        payload: bool,
        /// Write them into this file
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
    /// Write snapshots into one tar file, to take them elsewhere
    Export {
        /// The file
        #[arg(value_name = "BUNDLE")]
        bundle: PathBuf,
        /// Only of these pipelines
        #[arg(value_name = "PIPELINE")]
        pipelines: Vec<String>,
        /// Only what was fetched at this moment or later
        #[arg(long, value_name = "DATE")]
        since: Option<String>,
    },
    /// File the snapshots of a bundle, or bytes that a person obtained elsewhere
    Import {
        /// A bundle, or a payload as its source sent it
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The pipeline that the payload is for
        #[arg(long)]
        pipeline: Option<String>,
        /// The source's table, where the pipeline has several
        #[arg(long)]
        dataset: Option<String>,
        /// When the payload was fetched from the source: a day, which means its end, or a moment
        #[arg(long, value_name = "DATE")]
        fetched_at: Option<String>,
        /// From where it was fetched, where that is not the pipeline's address
        #[arg(long)]
        url: Option<String>,
        /// The payload is made up
        #[arg(long)]
        synthetic: bool,
    },
    /// Say what nobody needs; with `--yes` remove it
    Gc {
        /// What is younger than this stays
        #[arg(long, value_name = "SPAN", default_value = "90d", value_parser = span)]
        keep: SignedDuration,
        /// Remove it
        #[arg(long)]
        yes: bool,
    },
}

fn span(text: &str) -> Result<SignedDuration, String> {
    let span: Span = text.parse().map_err(|_| "expected a span such as `90d` or `1y`".to_owned())?;
    // A month has no fixed length: it is that of today.
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    let length = span.to_duration(today).map_err(|error| error.to_string())?;
    if length.is_negative() { Err("expected a span that is not negative".into()) } else { Ok(length) }
}

pub(super) fn run(shared: &Shared, arguments: &Arguments) -> Exit {
    let outcome = shared.load().map_err(PayloadError::from).and_then(|project| act(shared, &project, &arguments.verb));
    match outcome {
        Ok(()) => Exit::Done,
        Err(error) => {
            let is_usage = matches!(&error, PayloadError::Run(error) if error.is_usage());
            failed(&error, if is_usage { Exit::Usage } else { Exit::Failed })
        }
    }
}

fn act(shared: &Shared, project: &Project, verb: &Verb) -> Result<(), PayloadError> {
    match verb {
        Verb::List { pipelines } => {
            let held = archive::held(project, pipelines)?;
            match shared.json {
                true => json(&held),
                false => list(&held),
            }
        }
        Verb::Show { name, raw, payload, output } => {
            let held = archive::find(project, name)?;
            match (raw | payload, output) {
                (true, Some(output)) => write_private_file(output, |file| archive::write(&held, *payload, file))?,
                (true, None) => archive::write(&held, *payload, io::stdout().lock())?,
                (false, _) if shared.json => json(&held),
                (false, _) => show(&held),
            }
        }
        Verb::Export { bundle, pipelines, since } => {
            let mut held = archive::held(project, pipelines)?;
            if let Some(since) = since {
                let since = project.moment(since)?;
                held.retain(|held| held.sidecar.fetched_at >= since);
            }
            write_private_file(bundle, |file| Ok(archive::export(project, &held, file)?))?;
            tell(&format!("{} snapshots in {}", held.len(), bundle.display()));
        }
        Verb::Import { file, pipeline, dataset, fetched_at, url, synthetic } => {
            let imported = match (pipeline, fetched_at) {
                (Some(pipeline), Some(fetched_at)) => {
                    let origin = Origin {
                        pipeline: pipeline.clone(),
                        dataset: dataset.clone(),
                        fetched_at: project.moment(fetched_at)?,
                        url: url.clone(),
                        is_synthetic: *synthetic,
                    };
                    archive::import(project, file, &origin)?
                }
                _ if archive::is_bundle_file(file)? => archive::import_bundle(project, file)?,
                _ => {
                    let message =
                        format!("expected `--pipeline` and `--fetched-at` for the payload `{}`", file.display());
                    let hint =
                        "say what it is and when it was fetched from its source; a bundle needs neither".to_owned();
                    Err(RunError::Argument { message, hint })?
                }
            };
            tell(&match imported {
                Imported::Bundle(filed) => {
                    format!("{} snapshots filed, {} were here already", filed.added, filed.known)
                }
                Imported::Payload { file, rows } => {
                    format!("filed as {} ({} rows); the next run takes it up", file.display(), grouped(rows))
                }
                Imported::Known => "these bytes of this moment are in the archive already".to_owned(),
            });
        }
        Verb::Gc { keep, yes } => {
            let held = match yes {
                true => archive::collect(project, *keep, Timestamp::now())?,
                false => archive::removable(project, *keep, Timestamp::now())?,
            };
            if shared.json {
                json(&held);
                return Ok(());
            }
            if !held.is_empty() {
                list(&held);
            }
            let total = size(held.iter().map(|held| held.stored_bytes).sum());
            let snapshots = held.len();
            match (held.is_empty(), yes) {
                (true, _) => tell("nothing to remove"),
                (false, true) => tell(&format!("removed {snapshots} snapshots, {total}")),
                (false, false) => {
                    tell(&format!("{snapshots} snapshots, {total}, are needed by no build and no vintage"));
                    say("hint: `--yes` removes them");
                }
            }
        }
    }
    Ok(())
}

fn list(held: &[Held]) {
    let mut table =
        table(&["pipeline", "dataset", "fetched (UTC)", "bytes", "stored", "changed rows", "state", "snapshot"]);
    for held in held {
        let sidecar = &held.sidecar;
        table.add_row([
            sidecar.pipeline.clone(),
            sidecar.dataset.clone(),
            sidecar.fetched_at.strftime("%F %T").to_string(),
            size(sidecar.raw_bytes),
            size(held.stored_bytes),
            held.changed_rows.map_or_else(String::new, grouped),
            held.standing.name().to_owned(),
            sidecar.hash[..sidecar.hash.len().min(16)].to_owned(),
        ]);
    }
    super::show(&table);
}

fn show(held: &Held) {
    let sidecar = &held.sidecar;
    let mut lines = vec![
        ("pipeline", sidecar.pipeline.clone()),
        ("dataset", sidecar.dataset.clone()),
        ("address", sidecar.url.clone()),
        ("request", format!("{}, answered with {}", sidecar.method, sidecar.status)),
        ("fetched", sidecar.fetched_at.to_string()),
        ("bytes", format!("{} as they came, {} stored", grouped(sidecar.raw_bytes), grouped(held.stored_bytes))),
        ("hash", format!("BLAKE3 {}", sidecar.hash)),
        ("file", format!("archive/{}/{}", sidecar.pipeline, sidecar.file)),
        ("tool", sidecar.tool.clone()),
        ("state", held.standing.name().to_owned()),
    ];
    lines.extend(sidecar.delivered_from.clone().map(|from| ("delivered", from)));
    lines.extend(held.changed_rows.map(|rows| ("changed", format!("{} rows", grouped(rows)))));
    lines.extend(held.content.clone().map(|content| ("says", format!("content {content}"))));
    lines.extend((!held.builds.is_empty()).then(|| ("builds", held.builds.join(", "))));
    lines.extend(held.problem.clone().map(|problem| ("problem", problem)));
    lines.extend(sidecar.headers.iter().map(|(name, value)| ("header", format!("{name}: {value}"))));
    lines.iter().for_each(|(name, value)| tell(&format!("{name:<10} {value}")));
}
