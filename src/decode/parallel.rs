//! Blocks of a payload parsed side by side, their batches given in order.
//!
//! A block has whole records, so that any thread can parse it. Each thread has columns, and so dictionaries, of
//! its own: who reads batches must not expect the keys of one to mean the same in the next. Memory is bounded
//! by a few blocks a thread.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use arrow::array::RecordBatch;

use super::DecodeError;
use super::records::{Block, Blocks};

/// More threads than this wait for the one that reads.
const MAX_THREADS: usize = 4;

/// Blocks that wait for a thread.
const WAITING: usize = 4;

type Batch = Result<RecordBatch, DecodeError>;

/// The batches of a payload: one a block, until the end or the first error. `parser` makes one parser a thread.
pub(super) fn tables<P>(
    blocks: Blocks,
    parser: impl Fn() -> P + Send + 'static,
) -> Box<dyn Iterator<Item = Batch> + Send>
where
    P: FnMut(Block) -> Batch + Send + 'static,
{
    Box::new(Batches { blocks, parser, first: true, threads: Vec::new(), sent: 0, taken: 0, end: None })
}

struct Batches<F> {
    blocks: Blocks,
    parser: F,
    /// Whether nothing has been read yet: a payload of one block needs no threads.
    first: bool,
    threads: Vec<(SyncSender<Block>, Receiver<Batch>)>,
    sent: usize,
    taken: usize,
    /// That there are no more blocks, and whether an error is to blame.
    end: Option<Option<DecodeError>>,
}

impl<P, F> Batches<F>
where
    P: FnMut(Block) -> Batch + Send + 'static,
    F: Fn() -> P,
{
    fn start(&mut self) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores.clamp(1, MAX_THREADS) {
            let (blocks, waiting) = sync_channel::<Block>(WAITING);
            let (done, batches) = sync_channel::<Batch>(WAITING);
            let mut parse = (self.parser)();
            // It ends when no more blocks can come, or when nobody takes its batches.
            std::thread::spawn(move || waiting.into_iter().map(&mut parse).try_for_each(|batch| done.send(batch)));
            self.threads.push((blocks, batches));
        }
    }

    /// Keeps the threads busy.
    fn send(&mut self) {
        while self.end.is_none() && self.sent - self.taken < self.threads.len() * WAITING {
            match self.blocks.next() {
                Some(Ok(block)) => {
                    let (thread, _) = &self.threads[self.sent % self.threads.len()];
                    // A thread that has ended early is noticed when its batch does not come.
                    let _ = thread.send(block);
                    self.sent += 1;
                }
                Some(Err(error)) => self.end = Some(Some(error)),
                None => self.end = Some(None),
            }
        }
    }
}

impl<P, F> Iterator for Batches<F>
where
    P: FnMut(Block) -> Batch + Send + 'static,
    F: Fn() -> P,
{
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.first {
            self.first = false;
            let batch = self.blocks.next()?.and_then((self.parser)());
            if batch.is_err() {
                self.end = Some(None);
            }
            return Some(batch);
        }
        if self.threads.is_empty() && self.end.is_none() && !self.blocks.is_over() {
            self.start();
        }
        if !self.threads.is_empty() {
            self.send();
        }
        if self.taken == self.sent {
            return self.end.take().flatten().map(|error| {
                self.threads.clear();
                self.end = Some(None);
                Err(error)
            });
        }
        let (_, batches) = &self.threads[self.taken % self.threads.len()];
        self.taken += 1;
        let broken = || DecodeError::Broken;
        let batch = batches.recv().unwrap_or_else(|_| Err(broken()));
        if batch.is_err() {
            // The first error ends it; what comes behind it is of no use.
            self.end = Some(None);
            self.taken = self.sent;
            self.threads.clear();
        }
        Some(batch)
    }
}
