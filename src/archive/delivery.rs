//! What a source delivers for one table at one time: one snapshot, or as many as it came in parts.
//!
//! Parts keep bytes, hash and address of their own, so that a value is still found at its place in the very bytes that
//! came; that they belong together is said in each sidecar. A delivery of which a part is missing is none.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ArchiveError, Failure, Snapshot};

/// Which part of a delivery a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it is of the whole: a code of the dimension along which the request was split, or a page.
    pub name: String,
    /// Its number, from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
    /// The moment that all of them have in common.
    pub vintage: Timestamp,
}

/// One snapshot, or all parts of one table, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    first: Snapshot,
    others: Vec<Snapshot>,
}

impl Delivery {
    /// What has been delivered whole by these snapshots of one pipeline, oldest first.
    pub fn group(snapshots: Vec<Snapshot>) -> Vec<Self> {
        let mut deliveries: Vec<Delivery> = Vec::new();
        for snapshot in snapshots {
            let is_next = |last: &Delivery| {
                let (Some(part), Some(before)) = (&snapshot.sidecar.part, &last.last().sidecar.part) else {
                    return false;
                };
                snapshot.sidecar.dataset == last.first.sidecar.dataset
                    && (part.vintage, part.of, part.number) == (before.vintage, before.of, before.number + 1)
            };
            match deliveries.iter_mut().rev().find(|last| is_next(last)) {
                Some(last) => last.others.push(snapshot),
                None => deliveries.push(Delivery::whole(snapshot)),
            }
        }
        deliveries.retain(|delivery| {
            let part = delivery.first.sidecar.part.as_ref();
            part.is_none_or(|part| part.number == 1 && part.of as usize == delivery.parts().count())
        });
        deliveries
    }

    /// One snapshot by itself.
    pub fn whole(snapshot: Snapshot) -> Self {
        Delivery { first: snapshot, others: Vec::new() }
    }

    /// Its snapshots; one where it came whole.
    pub fn parts(&self) -> impl Iterator<Item = &Snapshot> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Its first snapshot, for what is the same in all: table, tool, whether it is synthetic.
    pub fn first(&self) -> &Snapshot {
        &self.first
    }

    fn last(&self) -> &Snapshot {
        self.others.last().unwrap_or(&self.first)
    }

    /// The moment under which its rows stand in the lake.
    pub fn vintage(&self) -> Timestamp {
        self.first.sidecar.vintage()
    }

    /// The hash of its bytes; of parts, a hash of their hashes.
    pub fn hash(&self) -> String {
        if self.others.is_empty() {
            return self.first.sidecar.hash.clone();
        }
        let mut hasher = blake3::Hasher::new();
        for part in self.parts() {
            hasher.update(part.sidecar.hash.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Why these rules could not decode it, if they were tried and could not.
    pub fn failure(&self, rules: &str) -> Result<Option<Failure>, ArchiveError> {
        self.first.failure(rules)
    }

    /// Remembers that these rules could not decode it.
    pub fn note_failure(&self, rules: &str, failure: &Failure) -> Result<(), ArchiveError> {
        self.first.note_failure(rules, failure)
    }

    /// An error unless the kept bytes are those that came.
    pub fn verify(&self) -> Result<(), ArchiveError> {
        self.parts().try_for_each(Snapshot::verify)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::super::{Archive, tests::sidecar};
    use super::*;

    #[test]
    fn parts_that_belong_together_are_one_delivery() {
        let root = tempfile::tempdir().unwrap();
        let archive = Archive::new(root.path());
        let keep = |second: i64, part: Option<(u32, u32, i64)>| {
            let mut draft = archive.draft("p");
            draft.write_all(second.to_string().as_bytes()).unwrap();
            let mut sidecar = sidecar(200);
            let at = |second: i64| Timestamp::from_second(1_700_000_000 + second).unwrap();
            sidecar.fetched_at = at(second);
            let named = |number: u32| format!("part {number}");
            sidecar.part =
                part.map(|(number, of, vintage)| Part { name: named(number), number, of, vintage: at(vintage) });
            draft.commit("csv", sidecar).unwrap()
        };
        keep(1, None);
        keep(2, Some((1, 2, 2)));
        keep(3, Some((2, 2, 2)));
        // One that was killed before its end, then a whole one.
        keep(4, Some((1, 2, 4)));
        keep(5, Some((1, 2, 5)));
        keep(6, Some((2, 2, 5)));
        let deliveries = archive.deliveries("p").unwrap();
        let numbers: Vec<Vec<i64>> = deliveries
            .iter()
            .map(|of| of.parts().map(|part| part.sidecar.fetched_at.as_second() - 1_700_000_000).collect())
            .collect();
        assert_eq!(numbers, [vec![1], vec![2, 3], vec![5, 6]]);
        assert_eq!(deliveries[2].vintage().as_second(), 1_700_000_005);
        assert_ne!(deliveries[1].hash(), deliveries[2].hash());
        deliveries[2].verify().unwrap();
    }
}
