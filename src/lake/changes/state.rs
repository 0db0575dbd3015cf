//! What is known of each observation, in pages of eight neighbouring keys.
//!
//! Tables come series by series, so that most rows find their page where the last row was; a map of single
//! observations missed the processor's caches at each of them, and took most of the time of a load.

use std::collections::HashMap;

use super::keys::Stated;

/// Keys of a page: the times of a series, which are numbered as they come.
const SLOTS: usize = 8;

/// Pages of a block, which never moves again.
const BLOCK: usize = 1 << 13;

type Page = [Slot; SLOTS];

/// One observation.
#[derive(Clone, Copy, Default)]
pub(super) struct Slot {
    value: u64,
    /// 0 where it is not known.
    mark: u32,
    /// The snapshot that had it last.
    pub pass: u32,
}

impl Slot {
    /// What is known of it.
    pub fn stated(&self) -> Option<Stated> {
        (self.mark != 0).then_some(Stated { value: self.value, mark: self.mark })
    }

    pub fn set(&mut self, now: Stated) {
        (self.value, self.mark) = (now.value, now.mark);
    }

    fn take(&mut self) -> Option<Stated> {
        let stated = self.stated();
        self.mark = 0;
        stated
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct State {
    pages: HashMap<u128, usize, foldhash::fast::FixedState>,
    blocks: Vec<Vec<Page>>,
    /// The page of the last key.
    last: Option<(u128, usize)>,
    known: u64,
}

impl State {
    pub fn known(&self) -> u64 {
        self.known
    }

    /// A slot that was empty has been filled.
    pub fn came(&mut self) {
        self.known += 1;
    }

    /// The slot of a key, empty if it was not known.
    pub fn slot(&mut self, key: u128) -> &mut Slot {
        let (page, slot) = (key / SLOTS as u128, (key % SLOTS as u128) as usize);
        let at = match self.last {
            Some((last, at)) if last == page => at,
            _ => {
                let next = self.pages.len();
                let at = *self.pages.entry(page).or_insert(next);
                if at == next {
                    if next.is_multiple_of(BLOCK) {
                        self.blocks.push(Vec::with_capacity(BLOCK));
                    }
                    self.blocks[next / BLOCK].push(Page::default());
                }
                self.last = Some((page, at));
                at
            }
        };
        &mut self.blocks[at / BLOCK][at % BLOCK][slot]
    }

    pub fn remove(&mut self, key: u128) {
        let slot = self.slot(key);
        let was = slot.take().is_some();
        self.known -= u64::from(was);
    }

    /// Takes out what a snapshot did not have, in the order of the keys.
    pub fn withdraw(&mut self, pass: u32) -> Vec<(u128, Stated)> {
        let mut gone = Vec::new();
        for (page, at) in &self.pages {
            for (slot, key) in self.blocks[at / BLOCK][at % BLOCK].iter_mut().zip(page * SLOTS as u128..) {
                if slot.pass != pass
                    && let Some(stated) = slot.take()
                {
                    gone.push((key, stated));
                }
            }
        }
        self.known -= gone.len() as u64;
        gone.sort_unstable_by_key(|(key, _)| *key);
        gone
    }
}
