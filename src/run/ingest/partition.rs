//! A delivery becomes a partition of the lake: its snapshots decoded and normalised, one after the other.

use std::io;
use std::path::Path;

use super::{EditionJob, SnapshotError, hints, is_synthetic};
use arrow::array::RecordBatch;

use crate::archive::{Delivery, Snapshot};
use crate::decode::{self, DecodeError, Format, Table};
use crate::lake::{Changes, ContentHash, Description, First, LakeError, Partition, PartitionWriter, QuarantineWriter};
use crate::normalise::{
    self, Counts, MemberNormaliser, Normalised, ObservationNormaliser, Origin, Structure, membership_schema,
};
use crate::publish::InputRecord;
use crate::run::RunError;
use crate::spec::Members;

/// What was written of a delivery.
struct Written {
    writer: PartitionWriter,
    quarantine: QuarantineWriter,
    read: Read,
    /// Observations that it no longer has, of those known before it.
    withdrawn: u64,
    known: u64,
    /// Observations that it gives another value.
    revised: u64,
    content: Option<String>,
}

/// What was read of a delivery.
#[derive(Default)]
struct Read {
    counts: Counts,
    structure: Structure,
}

impl EditionJob {
    /// Decodes and normalises one delivery into its partition.
    pub(super) fn partition(
        &self,
        delivery: &Delivery,
        fingerprint: &str,
        rules_set: &str,
        state: &mut Option<Changes>,
        chain: &[(Partition, Vec<InputRecord>)],
    ) -> Result<Partition, SnapshotError> {
        let lake = &self.job.lake;
        let (pipeline, dataset) = (&self.pipeline.id, &self.edition.dataset);
        let (hash, vintage) = (delivery.hash(), delivery.vintage());
        let path = lake.partition_path(&self.folder(), pipeline, &hash, fingerprint, vintage);
        let Written { writer, quarantine, read, withdrawn, known, revised, content } = match &self.pipeline.members {
            None => self.observations(delivery, &path, state, chain)?,
            Some(members) => self.memberships(delivery, &path, members)?,
        };
        let Read { counts, structure } = read;
        let codelists = &self.job.project.codelists;
        let source_codes =
            normalise::source_codes(&self.pipeline, &self.edition, codelists, &structure).map_err(|source| {
                let url = delivery.first().sidecar.url.clone();
                SnapshotError::Normalise { url, source, drift: None }
            })?;
        let description = Description {
            fingerprint: fingerprint.to_owned(),
            rules: rules_set.to_owned(),
            withdrawn,
            revised,
            pipeline: pipeline.clone(),
            dataset: dataset.clone(),
            snapshot: hash,
            vintage,
            content,
            rows: 0,
            counts: counts.clone(),
            structure,
            source_codes,
        };
        // What was kept back is written even when the rest is not loaded: it is what explains why.
        quarantine.finish(description.clone()).map_err(RunError::from)?;
        let quality = &self.pipeline.quality;
        counts
            .check(quality.max_quarantined_share, quality.min_rows)
            .and_then(|()| counts.check_withdrawn(withdrawn, known, quality.max_withdrawn_share))
            .map_err(|source| {
                let last = chain.last().map(|(partition, _)| &partition.description);
                let url = delivery.first().sidecar.url.clone();
                SnapshotError::Normalise { url, source, drift: last.and_then(|last| drift(last, &description)) }
            })?;
        Ok(writer.finish(description).map_err(RunError::from)?)
    }

    /// What a delivery changes. The first one is all news; of the others most say what the one before them said, which
    /// shows without reading the lake.
    fn observations(
        &self,
        delivery: &Delivery,
        path: &Path,
        state: &mut Option<Changes>,
        chain: &[(Partition, Vec<InputRecord>)],
    ) -> Result<Written, SnapshotError> {
        let create = || PartitionWriter::create_observations(path).map_err(RunError::from);
        let Some((last, _)) = chain.last() else {
            let mut writer = create()?;
            let mut first = First::default();
            let (read, quarantine) = self.each_batch(delivery, |rows| writer.write(&first.rows(&rows)?))?;
            let content = Some(first.content());
            return Ok(Written { writer, quarantine, read, withdrawn: 0, known: 0, revised: 0, content });
        };
        if state.is_none() {
            let mut content = ContentHash::default();
            let (read, quarantine) = self.each_batch(delivery, |rows| content.add(&rows))?;
            let content = Some(content.text());
            if content == last.description.content {
                let (writer, known) = (create()?, read.counts.loaded);
                return Ok(Written { writer, quarantine, read, withdrawn: 0, known, revised: 0, content });
            }
        }
        let state = match state {
            Some(state) => state,
            none => {
                let known = Changes::after(chain.iter().map(|(partition, _)| partition));
                none.insert(known.map_err(RunError::from)?)
            }
        };
        let known = state.known();
        state.begin();
        let mut writer = create()?;
        let (read, quarantine) = self.each_batch(delivery, |rows| writer.write(&state.compare(&rows)?))?;
        let content = Some(state.content());
        let origin = self.origin(delivery, delivery.first());
        let withdrawn = state
            .withdrawn(&origin.pipeline, &origin.dataset, &origin.snapshot, origin.fetched_at)
            .map_err(RunError::from)?;
        writer.write(&withdrawn).map_err(RunError::from)?;
        let (withdrawn, revised) = (withdrawn.num_rows() as u64, state.revised());
        Ok(Written { writer, quarantine, read, withdrawn, known, revised, content })
    }

    /// Gives the canonical rows of a delivery away, batch by batch, and writes what is kept back.
    fn each_batch(
        &self,
        delivery: &Delivery,
        mut take: impl FnMut(RecordBatch) -> Result<(), LakeError>,
    ) -> Result<(Read, QuarantineWriter), SnapshotError> {
        let mut quarantine = self.quarantine(delivery);
        let mut read = Read::default();
        for part in delivery.parts() {
            let url = || part.sidecar.url.clone();
            let normalising = |source| SnapshotError::Normalise { url: url(), source, drift: None };
            let table = self.table(part)?;
            let official = is_synthetic(part).then_some(&self.official);
            let codelists = &self.job.project.codelists;
            let origin = self.origin(delivery, part);
            let mut normaliser =
                ObservationNormaliser::new(&self.pipeline, &self.edition, codelists, &table.schema, origin, official)
                    .map_err(normalising)?;
            for batch in table.batches {
                let batch = batch.map_err(|source| SnapshotError::Decode { url: url(), source })?;
                let Normalised { rows, quarantined } = normaliser.batch(&batch).map_err(normalising)?;
                take(rows).map_err(|source| match source {
                    LakeError::Duplicate { .. } | LakeError::TooManyCodes { .. } => {
                        SnapshotError::Contradiction { url: url(), source }
                    }
                    source => SnapshotError::Fatal(source.into()),
                })?;
                quarantine.write(&quarantined).map_err(RunError::from)?;
            }
            read.counts.add(&normaliser.counts);
            read.structure.add(normaliser.structure());
        }
        Ok((read, quarantine))
    }

    fn quarantine(&self, delivery: &Delivery) -> QuarantineWriter {
        let path = self.job.lake.quarantine_path(&self.pipeline.id, &self.edition.dataset, &delivery.hash());
        QuarantineWriter::new(path)
    }

    fn memberships(&self, delivery: &Delivery, path: &Path, members: &Members) -> Result<Written, SnapshotError> {
        let mut quarantine = self.quarantine(delivery);
        let mut writer = PartitionWriter::create(path, membership_schema()).map_err(RunError::from)?;
        let mut counts = Counts::default();
        for part in delivery.parts() {
            let url = || part.sidecar.url.clone();
            let table = self.table(part)?;
            let key = &self.hash_key;
            let codelists = &self.job.project.codelists;
            let origin = self.origin(delivery, part);
            let mut normaliser = MemberNormaliser::new(members, codelists, origin, key, is_synthetic(part));
            for batch in table.batches {
                let batch = batch.map_err(|source| SnapshotError::Decode { url: url(), source })?;
                let Normalised { rows, quarantined } = normaliser
                    .batch(&batch)
                    .map_err(|source| SnapshotError::Normalise { url: url(), source, drift: None })?;
                writer.write(&rows).map_err(RunError::from)?;
                quarantine.write(&quarantined).map_err(RunError::from)?;
            }
            counts.add(&normaliser.counts);
        }
        let read = Read { counts, structure: Structure::default() };
        Ok(Written { writer, quarantine, read, withdrawn: 0, known: 0, revised: 0, content: None })
    }

    /// What the rows of a snapshot say of where they come from.
    fn origin(&self, delivery: &Delivery, part: &Snapshot) -> Origin {
        Origin {
            pipeline: self.pipeline.id.clone(),
            dataset: self.edition.dataset.clone(),
            snapshot: part.sidecar.hash.clone(),
            fetched_at: delivery.vintage(),
        }
    }

    fn table(&self, snapshot: &Snapshot) -> Result<Table, SnapshotError> {
        let decoding = |source| SnapshotError::Decode { url: snapshot.sidecar.url.clone(), source };
        let payload = snapshot.clone();
        let source = decode::Source::new(move || payload.open().map_err(io::Error::other));
        let format = self.pipeline.decode.format;
        let table =
            decode::open(format, &source, &hints(&self.pipeline, &self.job.project.settings)).map_err(decoding)?;
        if let Some(stated) = &table.metadata.dataset
            && names_its_table(format)
            && !stated.eq_ignore_ascii_case(&self.edition.dataset)
        {
            return Err(decoding(DecodeError::Format {
                expected: format!("the table `{}`", self.edition.dataset),
                found: format!("the table `{stated}`"),
                hint: Some("the address answers with another table: correct `url` or `dataset` in the pipeline".into()),
            }));
        }
        Ok(table)
    }
}

/// How the structure of a snapshot differs from that of the last good one, in a sentence.
fn drift(last: &Description, new: &Description) -> Option<String> {
    let change = last.structure.changes_in(&new.structure)?;
    Some(format!("since the snapshot of {}, {change}", last.vintage.strftime("%Y-%m-%d %H:%M UTC")))
}

/// Whether a payload of this format states the id under which its table is asked for.
fn names_its_table(format: Format) -> bool {
    matches!(format, Format::SdmxCsv)
}
