//! Calls one after another, or many at a time, on one thread.

use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use crate::worker::Run;

/// A runtime of one thread, so that the processor time of a call is not blurred by threads that look for work.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Repeats a call with `together` of them under way at a time.
pub fn repeat<F: Future<Output = ()> + 'static>(
    runtime: Runtime,
    together: u32,
    call: impl Fn() -> F + Clone + 'static,
) -> Run {
    Box::new(move |count| {
        let all = LocalSet::new();
        for index in 0..together.min(count) {
            let call = call.clone();
            // The first ones take what does not divide evenly.
            let share = count / together + u32::from(index < count % together);
            all.spawn_local(async move {
                for _ in 0..share {
                    call().await;
                }
            });
        }
        runtime.block_on(all);
    })
}
