//! Many short tasks at once.

use std::thread;

/// Cores beyond which starting threads costs more than they bring.
const MOST_THREADS: usize = 8;

/// What `each` makes of the items, in their order; they are divided among as many threads as there are cores. Of several
/// errors it is the first one's.
pub(crate) fn divided<I: Sync, T: Send, E: Send>(
    items: &[I],
    each: impl Fn(&[I]) -> Result<Vec<T>, E> + Sync,
) -> Result<Vec<T>, E> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let part = items.len().div_ceil(threads).max(1);
    let each = &each;
    let parts: Vec<Result<Vec<T>, E>> = thread::scope(|scope| {
        let threads: Vec<_> = items.chunks(part).map(|items| scope.spawn(move || each(items))).collect();
        // A thread that panics takes the program with it, as the same code would on this one.
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let parts: Vec<Vec<T>> = parts.into_iter().collect::<Result<_, _>>()?;
    Ok(parts.into_iter().flatten().collect())
}
